import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { openAuditLog } from '../audit/log.ts';
import { loadEngine } from '../files.ts';
import { createProxy } from './server.ts';
import { readProxySettings } from './settings.ts';
import { VariableError } from './variables.ts';

const rules = `
SecComponentSignature "TEST/1"
SecRule ARGS "@contains attack" "id:1,phase:2,deny,status:403,log,auditlog,msg:'An attack',tag:'t1'"
`;

async function withProxy(
  env: Record<string, string>,
  application: RequestListener,
  use: (send: (text: string) => Promise<string>, port: number) => Promise<void>,
  prepare: (backend: Server) => void = () => {},
): Promise<string[]> {
  const backend = createServer(application).listen(0, '127.0.0.1');
  prepare(backend);
  await once(backend, 'listening');
  const settings = readProxySettings({ BACKEND: `http://127.0.0.1:${(backend.address() as AddressInfo).port}/`, ...env });
  const engine = loadEngine({ before: `${settings.directives}\n${rules}` });
  const entries: string[] = [];
  const proxy = createProxy({
    settings,
    engine: () => engine,
    audit: openAuditLog(engine, { place: { append: (_, entry) => entries.push(entry), close: async () => {} } }),
    now: () => Date.UTC(2026, 10, 22, 4, 3, 44, 786),
    newId: () => 'id-1',
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const { port } = proxy.address() as AddressInfo;
  const send = async (text: string): Promise<string> => {
    const socket = connect(port, '127.0.0.1');
    socket.write(text, 'latin1');
    let heard = '';
    for await (const chunk of socket) heard += chunk.toString('latin1');
    return heard;
  };
  try {
    await use(send, port);
  } finally {
    for (const server of [proxy, backend]) {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    }
  }
  return entries;
}

const echo: RequestListener = (request, response) => {
  let body = '';
  request.on('data', (chunk) => {
    body += chunk;
  });
  request.on('end', () => {
    response.setHeader('X-Two', ['a', 'b']);
    response.end(JSON.stringify({ url: request.url, headers: request.headers, body }));
  });
};
const bodyOf = (text: string) => JSON.parse(/\{.*\}/s.exec(text)![0]);
const close = 'Connection: close, X-Hop\r\nX-Hop: 1\r\n\r\n';

test('a request passes as the client wrote it; an attack does not, and is logged', async () => {
  const entries = await withProxy({}, echo, async (send) => {
    const answer = await send(`GET /a%2Fb//c%20d/../?x=%41 HTTP/1.1\r\nHost: shop.test\r\nX-Forwarded-For: 192.0.2.7\r\n${close}`);
    const seen = bodyOf(answer);
    assert.equal(seen.url, '/a%2Fb//c%20d/../?x=%41');
    assert.deepEqual(
      [seen.headers.host, seen.headers['x-forwarded-for'], seen.headers['x-forwarded-host'], seen.headers['x-hop']],
      ['shop.test', '192.0.2.7, 127.0.0.1', 'shop.test', undefined],
    );
    assert.match(answer, /X-Two: a\r\nX-Two: b\r\n/);
    assert.equal(bodyOf(await send(`GET http://elsewhere.test/p?q HTTP/1.1\r\nHost: shop.test\r\n${close}`)).url, '/p?q');
    const chunked = 'POST /p HTTP/1.1\r\nHost: shop.test\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n';
    assert.equal(bodyOf(await send(`${chunked}${close}3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`)).body, 'abcde');
    const attack = `GET /?q=attack HTTP/1.1\r\nHost: shop.test\r\nCookie: sid=topsecret\r\nAuthorization: Bearer topsecret\r\n${close}`;
    assert.match(await send(attack), /^HTTP\/1\.1 403 Forbidden\r\n/);
  });
  assert.equal(entries.length, 1);
  const entry = JSON.parse(entries[0]!);
  assert.doesNotMatch(entries[0]!, /topsecret/);
  assert.deepEqual(
    [entry.transaction.time, entry.transaction.transaction_id, entry.request.request_line, entry.response.status],
    ['22/Nov/2026:04:03:44.786000 +0000', 'id-1', 'GET /?q=attack HTTP/1.1', 403],
  );
  assert.deepEqual([entry.audit_data.producer[0], entry.audit_data.action.intercepted], ['TEST/1', true]);
  assert.match(entry.audit_data.messages[0], /^Access denied with code 403 \(phase 2\)\. .*\[id "1"\] \[msg "An attack"\] \[tag "t1"\]/);
});

test('DetectionOnly passes and logs; the native format; Off does nothing', async () => {
  const attack = `GET /?q=attack HTTP/1.1\r\nHost: shop.test\r\n${close}`;
  const native = { MODSEC_RULE_ENGINE: 'detectiononly', MODSEC_AUDIT_LOG_FORMAT: 'Native', PROXY_PRESERVE_HOST: 'Off' };
  const [entry] = await withProxy(native, echo, async (send) => {
    const answer = await send(attack);
    assert.match(answer, /^HTTP\/1\.1 200/);
    assert.match(bodyOf(answer).headers.host, /^127\.0\.0\.1:\d+$/);
  });
  assert.match(entry!, /^--id-1-A--\n\[22\/Nov\/2026:04:03:44\.786000 \+0000\] id-1 127\.0\.0\.1 \d+ /);
  assert.match(entry!, /\nMessage: Warning\. .*\[id "1"\]/);
  assert.match(entry!, /\n--id-1-H--\n[\s\S]*Engine-Mode: "DETECTION_ONLY"\n\n--id-1-Z--\n\n$/);
  const off = await withProxy({ MODSEC_RULE_ENGINE: 'Off' }, echo, async (send) => assert.match(await send(attack), /^HTTP\/1\.1 200/));
  assert.deepEqual(off, []);
});

test('a backend that is away is 502, one that is slow is 504; both are logged', async () => {
  const get = `GET / HTTP/1.1\r\nHost: x\r\n${close}`;
  const gone = createServer().listen(0, '127.0.0.1');
  await once(gone, 'listening');
  const { port } = gone.address() as AddressInfo;
  await new Promise((closed) => gone.close(closed));
  const away = await withProxy({ BACKEND: `http://127.0.0.1:${port}` }, echo, async (send) =>
    assert.match(await send(get), /^HTTP\/1\.1 502/),
  );
  const slow = await withProxy(
    { PROXY_TIMEOUT: '1' },
    () => {},
    async (send) => assert.match(await send(get), /^HTTP\/1\.1 504/),
  );
  assert.deepEqual(
    [...away, ...slow].map((entry) => JSON.parse(entry).response.status),
    [502, 504],
  );
});

test('WebSockets go through, after their handshake was inspected', async () => {
  const sockets = new WebSocketServer({ noServer: true });
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(`echo ${data}`)));
  await withProxy(
    {},
    echo,
    async (_send, port) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/chat`);
      await once(socket, 'open');
      socket.send('attack');
      const [message] = await once(socket, 'message');
      assert.equal(String(message), 'echo attack');
      socket.terminate();
      const refused = new WebSocket(`ws://127.0.0.1:${port}/chat?q=attack`);
      const [error] = await once(refused, 'error');
      assert.match(error.message, /403/);
    },
    (backend) =>
      backend.on('upgrade', (request, socket, head) =>
        sockets.handleUpgrade(request, socket, head, (ws) => sockets.emit('connection', ws, request)),
      ),
  );
  for (const client of sockets.clients) client.terminate();
});

test('an upgrade to another protocol is a request like any other; a refused handshake is an answer like any other', async () => {
  const upgrade = 'Connection: close, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n';
  const post = (body: string) =>
    `POST /p HTTP/1.1\r\nHost: shop.test\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\n${upgrade}\r\n${body}`;
  let upgrades = 0;
  await withProxy(
    {},
    echo,
    async (send) => {
      const seen = bodyOf(await send(post('a=benign')));
      assert.deepEqual([seen.body, seen.headers.upgrade, seen.headers['http2-settings']], ['a=benign', undefined, undefined]);
      assert.match(await send(post('a=attack')), /^HTTP\/1\.1 403/);
      assert.equal(upgrades, 0);
      const refused = await send('GET /chat HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n');
      assert.match(refused, /^HTTP\/1\.1 401 Unauthorized\r\n(?:[^\r]+\r\n)*\r\nno$/);
      assert.doesNotMatch(refused, /chunked/i);
      assert.equal(upgrades, 1);
    },
    (backend) =>
      backend.on('upgrade', (_request, socket) => {
        upgrades++;
        socket.end('HTTP/1.1 401 Unauthorized\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n');
      }),
  );
});

test('variables: defaults, the Core Rule Set’s, and bad values by name', () => {
  const settings = readProxySettings({ BLOCKING_PARANOIA: '2', ANOMALY_INBOUND: '10', BACKEND: 'http://app:3000' });
  assert.deepEqual([settings.port, settings.backend.href, settings.isHostPreserved], [8080, 'http://app:3000/', true]);
  assert.match(settings.directives, /setvar:'tx\.blocking_paranoia_level=2'/);
  assert.match(settings.directives, /setvar:'tx\.inbound_anomaly_score_threshold=10'/);
  const rows: [Record<string, string>, RegExp][] = [
    [{ BACKEND: 'https://x/' }, /BACKEND="https:\/\/x\/": expected a URL/],
    [{ BACKEND: 'http://x/"\nSecRuleEngine Off' }, /BACKEND/],
    [{ PORT: '70000' }, /PORT="70000": expected a whole number/],
    [{ PARANOIA: '5' }, /PARANOIA="5"/],
    [{ PARANOIA: '3', EXECUTING_PARANOIA: '2' }, /at least the blocking level, 3/],
    [{ ALLOWED_METHODS: "GET'" }, /ALLOWED_METHODS/],
    [{ MODSEC_RULE_ENGINE: 'Maybe' }, /MODSEC_RULE_ENGINE="Maybe": expected one of On, Off, DetectionOnly/],
    [{ MODSEC_AUDIT_LOG: '|sh' }, /MODSEC_AUDIT_LOG/],
  ];
  for (const [env, message] of rows)
    assert.throws(
      () => readProxySettings(env),
      (error) => error instanceof VariableError && message.test(error.message),
      JSON.stringify(env),
    );
});
