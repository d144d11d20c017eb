import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createAuditLogReader } from './audit-log.ts';
import { ImageConfigError } from './image.ts';
import { modsecurityImage } from './modsecurity.ts';
import { renderHttpd } from './modsecurity-config.ts';
import { readModSecuritySettings } from './modsecurity-variables.ts';

const old = 'owasp/modsecurity-crs:v3.2-modsec2-apache';
const seed = { SETPROXY: 'True', PROXYLOCATION: 'http://127.0.0.1:8080/' };

test('settings: the v3.2 image and today’s', () => {
  const before = readModSecuritySettings(seed, old);
  assert.equal(before.isHostPreserved, false);
  assert.deepEqual([before.port, before.backend, before.ruleEngine], [80, 'http://127.0.0.1:8080/', 'On']);
  const today = readModSecuritySettings(
    { BACKEND: 'http://app:3000', BLOCKING_PARANOIA: '2', ANOMALY_INBOUND: '10', MODSEC_RULE_ENGINE: 'detectiononly' },
    'owasp/modsecurity-crs:4-apache',
  );
  assert.deepEqual([today.port, today.backend, today.ruleEngine], [8080, 'http://app:3000/', 'DetectionOnly']);
  assert.deepEqual(today.transaction, [
    ['paranoia_level', '2'],
    ['blocking_paranoia_level', '2'],
    ['inbound_anomaly_score_threshold', '10'],
  ]);
  for (const image of ['owasp/modsecurity-crs', 'owasp/modsecurity-crs:apache', 'owasp/modsecurity-crs@sha256:00']) {
    assert.equal(readModSecuritySettings({}, image).port, 8080, image);
  }
});

test('settings: bad values name the variable', () => {
  const rows: [Record<string, string>, RegExp][] = [
    [{}, /SETPROXY is not "True"/],
    [{ SETPROXY: 'True' }, /PROXYLOCATION is missing/],
    [{ ...seed, PROXYLOCATION: 'https://x/' }, /PROXYLOCATION="https:\/\/x\/": expected a URL/],
    [{ ...seed, PROXYLOCATION: 'http://x/\nSecRuleEngine Off' }, /PROXYLOCATION/],
    [{ ...seed, PORT: '0' }, /PORT="0": expected a whole number from 1 to 65535/],
    [{ ...seed, PARANOIA: '5' }, /PARANOIA="5"/],
    [{ ...seed, PARANOIA: '3', EXECUTING_PARANOIA: '2' }, /EXECUTING_PARANOIA\)="2"/],
    [{ ...seed, ANOMALY_INBOUND: 'many' }, /ANOMALY_INBOUND/],
    [{ ...seed, MODSEC_RULE_ENGINE: 'Maybe' }, /MODSEC_RULE_ENGINE="Maybe": expected one of On, Off, DetectionOnly/],
    [{ ...seed, ALLOWED_METHODS: "GET'" }, /ALLOWED_METHODS/],
    [{ ...seed, MODSEC_AUDIT_LOG: '|sh' }, /MODSEC_AUDIT_LOG/],
    [{ ...seed, MODSEC_AUDIT_LOG_TYPE: 'Concurrent' }, /expected Serial/],
    [{ ...seed, SERVER_NAME: 'a b' }, /SERVER_NAME/],
  ];
  for (const [env, message] of rows) {
    assert.throws(
      () => readModSecuritySettings(env, old),
      (error) => error instanceof ImageConfigError && message.test(error.message),
      JSON.stringify(env),
    );
  }
});

const toolsRoot = join(process.env['PALISADE_CACHE'] ?? join(homedir(), '.cache/palisade'), 'tools/root');
const apache = join(toolsRoot, 'usr/sbin/apache2');
const missing = existsSync(apache)
  ? process.getuid?.() === 0
    ? false
    : 'not root, and Apache drops to www-data: sudo npm test'
  : `no Apache with ModSecurity in ${toolsRoot}: npm run setup`;

test('a missing package refuses the container', () => {
  const image = modsecurityImage({ toolsRoot: '/nonexistent', repositoryRoot: '/', programsRoot: '/', nodeExecutable: '/' });
  const container = { image: old, podName: 'p', podNamespace: 'n', containerName: 'c', env: seed };
  assert.throws(() => image.prepare!(container), /npm run setup/);
});

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

interface Answer {
  status: number;
  body: string;
}

function get(port: number, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: '127.0.0.1', port, path, headers: { host: 'db.test', 'user-agent': 'test', accept: '*/*', ...headers }, agent: false },
      async (answer) => {
        let body = '';
        for await (const chunk of answer) body += chunk;
        resolve({ status: answer.statusCode!, body });
      },
    );
    sent.on('error', reject).end();
  });
}

/** Starts Apache on loopback before a backend that answers with what it saw, and reads the flow records at its end. */
async function withApache(env: Record<string, string>, expectedRecords: number, use: (port: number) => Promise<void>) {
  const folder = mkdtempSync(join(tmpdir(), 'modsecurity-'));
  chmodSync(folder, 0o777);
  const backend = createServer((req, res) => res.end(JSON.stringify({ url: req.url, headers: req.headers }))).listen(0, '127.0.0.1');
  await once(backend, 'listening');
  let child: ChildProcess | undefined;
  const pidFile = join(folder, 'httpd.pid');
  const stop = () => existsSync(pidFile) && process.kill(Number(readFileSync(pidFile, 'utf8')));
  try {
    const port = await freePort();
    const auditLog = join(folder, 'audit.log');
    writeFileSync(auditLog, '');
    const location = `http://127.0.0.1:${(backend.address() as AddressInfo).port}/`;
    const settings = readModSecuritySettings({ ...seed, PROXYLOCATION: location, PORT: String(port), ...env }, old);
    const conf = join(folder, 'httpd.conf');
    writeFileSync(conf, renderHttpd(settings, { tools: toolsRoot, auditLog, runtime: folder, listenAddress: '127.0.0.1' }));
    const libraries = `${toolsRoot}/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`;
    child = spawn('/bin/sh', ['-c', 'exec "$0" -f "$1" -DFOREGROUND 2>&1 | cat', apache, conf], {
      env: { LD_LIBRARY_PATH: libraries, PATH: '/usr/bin:/bin' },
    });
    let output = '';
    child.stdout!.on('data', (chunk) => {
      output += chunk;
    });
    await ready(port, () => output);
    await use(port);
    const read = () => {
      const reader = createAuditLogReader({ reporter: 'pod/default/db-1/modsecurity', endpoint: { namespace: 'default', pod: 'db-1' } });
      return [...reader.read(readFileSync(auditLog, 'utf8')), ...reader.end()];
    };
    // The log of a pipe is written behind the answer.
    for (let attempt = 0; attempt < 100 && read().length < expectedRecords; attempt++)
      await new Promise((resolve) => setTimeout(resolve, 20));
    stop();
    await once(child, 'close');
    return { records: read(), output };
  } finally {
    stop();
    backend.close();
    backend.closeAllConnections();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function ready(port: number, output: () => string) {
  for (let attempt = 0; attempt < 200; attempt++) {
    try {
      return await get(port, '/');
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error(`Apache does not answer: ${output()}`);
}

const attack = '/?username=joe%40example.com&password=%3BUNION+SELECT+1%2C+version%28%29+limit+1%2C1--';

test('On: a benign request passes untouched, the attack is refused and recorded', { skip: missing }, async () => {
  const { records, output } = await withApache({ PROXY_PRESERVE_HOST: 'On' }, 1, async (port) => {
    const seen = JSON.parse((await get(port, '/a%2Fb//c%20d?x=%41', { 'x-forwarded-for': '192.0.2.7' })).body);
    assert.equal(seen.url, '/a%2Fb//c%20d?x=%41');
    assert.equal(seen.headers.host, 'db.test');
    assert.equal(seen.headers['x-forwarded-for'], '192.0.2.7, 127.0.0.1');
    assert.equal((await get(port, attack)).status, 403);
  });
  assert.match(output, /"GET \/\?username=\S+ HTTP\/1\.1" 403/);
  assert.equal(records.length, 1);
  const [record] = records;
  assert.deepEqual({ ...record!.source, port: 0 }, { ip: '127.0.0.1', port: 0 });
  assert.deepEqual(
    [record!.verdict, record!.reason, record!.reporter, record!.destination.pod],
    ['DROPPED', 'blocked by rules 942190, 942360', 'pod/default/db-1/modsecurity', 'db-1'],
  );
  assert.deepEqual(record!.policy, { kind: 'WafRule', name: record!.policy!.name, direction: 'ingress', rule: '949110' });
  assert.match(record!.policy!.name, /^OWASP_CRS\/\d/);
  assert.ok(record!.body.type === 'waf');
  assert.deepEqual(
    [record!.body.method, record!.body.path, record!.body.host, record!.body.status, record!.body.anomalyScore],
    ['GET', attack, 'db.test', 403, 10],
  );
});

test('DetectionOnly: the attack passes and the record says what would have been; native format, second log', {
  skip: missing,
}, async () => {
  const env = { MODSEC_RULE_ENGINE: 'DetectionOnly', MODSEC_AUDIT_LOG_FORMAT: 'Native', MODSEC_AUDIT_LOG: '/dev/stdout' };
  const { records, output } = await withApache(env, 1, async (port) => assert.equal((await get(port, attack)).status, 200));
  assert.deepEqual(
    records.map((record) => [record.verdict, record.reason, record.body.type === 'waf' && record.body.status]),
    [['AUDIT', 'would be blocked by rules 942190, 942360 (DetectionOnly)', 200]],
  );
  assert.match(output, /^--\w+-H--$/m);
});

test('Off: the same attack passes and nothing is recorded (control)', { skip: missing }, async () => {
  const { records } = await withApache({ MODSEC_RULE_ENGINE: 'Off' }, 0, async (port) =>
    assert.equal((await get(port, attack)).status, 200),
  );
  assert.deepEqual(records, []);
});

test('a higher threshold lets it pass and says so', { skip: missing }, async () => {
  const { records } = await withApache({ ANOMALY_INBOUND: '100' }, 1, async (port) => assert.equal((await get(port, attack)).status, 200));
  assert.deepEqual(
    records.map((record) => [record.verdict, record.reason]),
    [['FORWARDED', 'matched rules 942190, 942360, below the threshold']],
  );
});
