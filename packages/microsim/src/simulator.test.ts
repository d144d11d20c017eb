import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { test } from 'node:test';
import { decideRound, startClient } from './client-app.ts';
import { readClientConfig } from './environment.ts';
import type { Host } from './host.ts';
import { listen } from './http/listen.ts';
import { startServer } from './server-app.ts';

/** A host whose ports are free ones: the environment cannot say 0, so tests ask the system first. */
function fakeHost(env: Record<string, string>, lines: string[] = []): Host & { exits: string[]; seconds: number } {
  const exits: string[] = [];
  const host = {
    env,
    seconds: 1_566_500_000,
    exits,
    now: () => new Date(host.seconds * 1000),
    random: Math.random,
    print: (line: string) => void lines.push(line),
    exit: (message: string) => void exits.push(message),
    name: 'db-1',
    ip: '10.244.1.5',
    lookup: async (name: string) => {
      if (name === 'victim.test' || name === '127.0.0.1') return '127.0.0.1';
      if (name === 'public.test') return '8.8.8.8';
      throw new Error(`getaddrinfo ENOTFOUND ${name}`);
    },
  };
  return host;
}

async function freePort(): Promise<string> {
  const server = await listen(
    0,
    () => undefined,
    () => new Date(),
    '127.0.0.1',
  );
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return String(port);
}

async function exchange(port: string, message: string): Promise<string> {
  const socket = connect(Number(port), '127.0.0.1');
  socket.write(message);
  let text = '';
  for await (const chunk of socket) text += chunk;
  return text;
}

test('server: GET, POST, other methods, detection, statistics, StatsD', async (t) => {
  const statsd = createSocket('udp4');
  t.after(() => statsd.close());
  statsd.bind(0, '127.0.0.1');
  await once(statsd, 'listening');
  const counters: string[] = [];
  statsd.on('message', (message) => counters.push(message.toString()));
  const [port, statsPort] = [await freePort(), await freePort()];
  const lines: string[] = [];
  const host = fakeHost(
    { LISTEN_PORT: port, STATS_PORT: statsPort, RESPOND_BYTES: '10', STATSD_HOST: '127.0.0.1', STATSD_PORT: String(statsd.address().port) },
    lines,
  );
  const running = await startServer(host);
  t.after(() => running.close());

  const get = await exchange(port, 'GET /a?x=%3BUNION+SELECT+1 HTTP/1.1\r\nHost: db:8080\r\n\r\n');
  assert.match(get, /^HTTP\/1\.0 200 OK\r\n(?!.*Content-Length).*Content-Type: text\/html\r\n\r\n/s);
  assert.match(
    get.split('\r\n\r\n')[1]!,
    /^[A-Za-z0-9]{10}\n\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d 2019 {3}hostname: db-1 {3}ip: 10\.244\.1\.5 {3}remote: 127\.0\.0\.1 {3}hostheader: db:8080 {3}path: \/a\?x=%3BUNION\+SELECT\+1\n$/,
  );
  assert.match(lines[0]!, /^2019-08-\d\dT\d\d:\d\d:\d\d {3}SQLi attack detected$/);

  assert.match(await exchange(port, 'GET / HTTP/1.0\r\n\r\n'), /hostheader: None/);
  host.seconds += 30;
  const post = await exchange(port, 'POST /p HTTP/1.1\r\nHost: db\r\nContent-Length: 5\r\n\r\nhello');
  assert.match(
    post,
    /\r\n\r\n\{"data": "\w{10}", "time": "[^"]+", "hostname": "db-1", "ip": "10\.244\.1\.5", "remote": "127\.0\.0\.1", "hostheader": "db", "path": "\/p"\}$/,
  );
  assert.match(
    lines[1]!,
    /^\{"Total": \{"Requests": 3, "Sent Bytes": \d+, "Received Bytes": 5, "Attacks": 1, "SQLi": 1, "XSS": 0, "Directory Traversal": 0\}, "Last 30 Seconds": \{"Requests": 3, /,
  );
  assert.match(await exchange(port, 'POST / HTTP/1.1\r\n\r\n'), /^HTTP\/1\.0 200 /);
  assert.match(
    await exchange(port, 'POST /?x=%3Cscript%3Ealert HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n'),
    /^HTTP\/1\.0 200 /,
  );
  assert.match(await exchange(port, 'PUT / HTTP/1.1\r\n\r\n'), /^HTTP\/1\.0 501 /);
  assert.match(await exchange(port, 'nonsense\r\n\r\n'), /^HTTP\/1\.0 400 /);

  const stats = JSON.parse((await exchange(statsPort, 'GET /any HTTP/1.1\r\n\r\n')).split('\r\n\r\n')[1]!);
  assert.deepEqual(Object.keys(stats), ['time', 'runtime', 'hostname', 'ip', 'stats', 'config']);
  assert.equal(stats.runtime, 30);
  assert.deepEqual(
    { ...stats.stats, 'Sent Bytes': 0 },
    { Requests: 5, 'Sent Bytes': 0, 'Received Bytes': 8, Attacks: 2, SQLi: 1, XSS: 1, 'Directory Traversal': 0 },
  );
  for (const counter of ['all_servers.requests:1|c', 'server-db-1.received_bytes:5|c', 'all_servers.sqli:1|c', 'server-db-1.attacks:1|c']) {
    assert.ok(counters.includes(counter), `${counter} in ${counters}`);
  }
});

test('client: lines, statistics, attacks blocked and landed by victim', async (t) => {
  const now = () => new Date();
  const victim = await listen(0, () => ({ status: 200, type: 'text/html', body: 'x' }), now, '127.0.0.1');
  const guarded = await listen(0, () => ({ status: 403, type: 'text/html', body: 'no' }), now, '127.0.0.1');
  const [open, shut] = [victim, guarded].map((server) => `http://victim.test:${(server.address() as AddressInfo).port}`) as [
    string,
    string,
  ];
  const lines: string[] = [];
  const statsPort = await freePort();
  const host = fakeHost(
    {
      KUBERNETES_SERVICE_HOST: '10.96.0.1',
      REQUEST_URLS: `${open},${shut},http://public.test/`,
      REQUEST_WAIT_SECONDS: '0',
      ATTACK_PROBABILITY: '1',
      SEND_SQLI: 'True',
      SEND_DGA: 'True',
      REQUEST_INTERNET: 'True',
      EGRESS_PROBABILITY: '1',
      STATS_PORT: statsPort,
    },
    lines,
  );
  const client = await startClient(host);
  t.after(() => {
    client.close();
    victim.close();
    guarded.close();
  });
  const isDone = () =>
    lines.some((line) => line.includes('SQLi landed')) &&
    lines.some((line) => line.includes('SQLi blocked')) &&
    lines.some((line) => line.includes('resolving'));
  while (!isDone()) await new Promise((resolve) => setTimeout(resolve, 5));
  const page = JSON.parse((await exchange(statsPort, 'GET / HTTP/1.1\r\n\r\n')).split('\r\n\r\n')[1]!);
  client.close();

  const time = /^2019-08-\d\dT\d\d:\d\d:\d\d {3}/;
  assert.ok(lines.every((line) => time.test(line)));
  const has = (text: string) =>
    assert.ok(
      lines.some((line) => line.replace(time, '') === text),
      `${text} in ${lines.slice(0, 20).join('\n')}`,
    );
  has(`Request to ${open}/   Request size: 1036   Response size: 1`);
  has(`SQLi sent: ${open}/?username=joe%40example.com&password=%3BUNION+SELECT+1%2C+version%28%29+limit+1%2C1--`);
  has(`SQLi landed: ${open}   Status: 200`);
  has(`SQLi blocked: ${shut}   Status: 403   By: microsim`);
  has('8.8.8.8 is a public address outside the cluster; MICROSIM_ALLOW_HOST=1 allows it error to: http://public.test/');
  assert.ok(lines.some((line) => /getaddrinfo ENOTFOUND \w{33,34}\.\w\w error resolving: /.test(line)));
  assert.deepEqual(Object.keys(page), ['time', 'runtime', 'hostname', 'ip', 'stats', 'config', 'attacks']);
  assert.ok(page.attacks.Victims[open].Attacks.Landed > 0 && page.attacks.Victims[open].Attacks.Blocked === 0);
  assert.ok(page.attacks.Victims[shut].Attacks.Blocked > 0 && page.attacks.Victims[shut].Attacks.Landed === 0);
  assert.equal(page.attacks['Blocked By'].microsim, page.attacks.Blocked);
  assert.ok(page.stats.SQLi >= page.attacks.Blocked, 'a refused attack counts as sent, as in the original');
});

test('client: nothing but loopback outside a pod', async () => {
  const lines: string[] = [];
  const env = {
    REQUEST_URLS: 'http://public.test',
    SEND_DGA: '1',
    REQUEST_MALWARE: '1',
    ATTACK_PROBABILITY: '1',
    REQUEST_WAIT_SECONDS: '0',
  };
  const host = { ...fakeHost(env, lines), lookup: async () => '10.0.0.1' };
  const client = await startClient(host);
  const kinds = ['error resolving', 'malware.example', 'not loopback'];
  while (!kinds.every((kind) => lines.some((line) => line.includes(kind)))) await new Promise((resolve) => setTimeout(resolve, 2));
  client.close();
  assert.equal(client.statistics.total.Requests + client.statistics.total.Attacks, 0);
});

test('client: the loop stops after STOP_SECONDS', async () => {
  const host = fakeHost({ REQUEST_URLS: 'http://victim.test:9', STOP_SECONDS: '5', REQUEST_WAIT_SECONDS: '0', REQUEST_PROBABILITY: '0' });
  const client = await startClient(host);
  host.seconds += 6;
  while (host.exits.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  assert.deepEqual(host.exits, ['Server killed after 5 seconds.']);
  client.close();
});

test('rounds: attacks are uniform over the enabled kinds, at least 20 a victim in 30 s at 2 rounds a second', () => {
  let state = 1;
  const random = () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
  const config = readClientConfig({ REQUEST_URLS: 'http://a,http://b', SEND_SQLI: '1', ATTACK_PROBABILITY: '1' }, random);
  const rounds = Array.from({ length: 60 }, () => decideRound(config, random)).flat();
  for (const url of config.urls) assert.ok(rounds.filter((action) => action.type === 'attack' && action.url === url).length >= 20);
});
