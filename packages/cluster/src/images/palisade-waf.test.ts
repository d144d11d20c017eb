import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createAuditLogReader } from './audit-log.ts';
import { ImageConfigError } from './image.ts';
import { modsecurityImage } from './modsecurity.ts';
import { readModSecuritySettings } from './modsecurity-variables.ts';
import { renderPalisadeWaf, WAF_ENGINE_ANNOTATION } from './palisade-waf.ts';

const old = 'owasp/modsecurity-crs:v3.2-modsec2-apache';
const repositoryRoot = new URL('../../../..', import.meta.url).pathname;
const toolsRoot = join(process.env.PALISADE_CACHE ?? join(homedir(), '.cache/palisade'), 'tools/root');
const missing = existsSync(join(toolsRoot, 'usr/share/modsecurity-crs/rules')) ? false : `no Core Rule Set in ${toolsRoot}: npm run setup`;

const container = (value: string | undefined) => ({
  image: old,
  podName: 'db-1',
  podNamespace: 'default',
  containerName: 'modsecurity',
  env: { SETPROXY: 'True', PROXYLOCATION: 'http://127.0.0.1:8080/' },
  annotations: value === undefined ? {} : { [WAF_ENGINE_ANNOTATION]: value },
});

test('the annotation chooses the engine; a word that names none is refused', { skip: missing }, () => {
  const image = modsecurityImage({ toolsRoot, repositoryRoot, programsRoot: '/', nodeExecutable: process.execPath });
  const ours = image.prepare!(container('palisade'));
  assert.deepEqual(image.prepare!(container(undefined)).entrypoint, ours.entrypoint, 'the default');
  assert.equal(image.prepare!(container('modsecurity')).entrypoint, undefined, 'the image’s own');
  assert.equal(
    ours.entrypoint?.find((word) => word.endsWith('.js')),
    '/opt/palisade/programs/palisade-waf.js',
  );
  assert.deepEqual(ours.entrypoint?.slice(-8), [
    ...['--port', '80', '--backend', 'http://127.0.0.1:8080/', '--preserve-host', 'Off'],
    ...['--audit-log', '/var/log/palisade/modsec_audit.log'],
  ]);
  for (const value of ['coraza', '']) {
    assert.throws(
      () => image.prepare!(container(value)),
      (error) => error instanceof ImageConfigError && /waf-engine="(?:coraza)?": expected palisade or modsecurity/.test(error.message),
    );
  }
});

async function get(port: number, path: string): Promise<number> {
  const outgoing = request({ port, host: '127.0.0.1', path, headers: { Host: 'db.test', Accept: '*/*', 'User-Agent': 'test' } }).end();
  const [response] = await once(outgoing, 'response');
  response.resume();
  await once(response, 'end');
  return response.statusCode;
}

/** @returns flow records of the run */
async function withWaf(env: Record<string, string>, use: (port: number) => Promise<void>) {
  const folder = mkdtempSync(join(tmpdir(), 'palisade-waf-'));
  const backend = createServer((_request, response) => response.end('hello')).listen(0, '127.0.0.1');
  await once(backend, 'listening');
  const variables = { SETPROXY: 'True', PROXYLOCATION: `http://127.0.0.1:${(backend.address() as AddressInfo).port}/`, ...env };
  const auditLog = join(folder, 'audit.log');
  const settings = readModSecuritySettings(variables, old);
  const place = {
    node: process.execPath,
    program: join(repositoryRoot, 'packages/waf/bin/palisade-waf.mjs'),
    tools: toolsRoot,
    auditLog,
    listenAddress: '127.0.0.1',
  };
  const [command, ...args] = renderPalisadeWaf({ ...settings, port: 0 }, place);
  const child = spawn(command!, args, { env: { PATH: '/usr/bin:/bin', ...variables } });
  try {
    let said = '';
    const port = await new Promise<number>((resolve, fail) => {
      child.stderr.on('data', (chunk) => {
        said += chunk;
        const found = /listening on port (\d+)/.exec(said);
        if (found) resolve(Number(found[1]));
      });
      child.on('exit', () => fail(new Error(`the proxy ended: ${said}`)));
    });
    await use(port);
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
    const reader = createAuditLogReader({ reporter: 'pod/default/db-1/modsecurity', endpoint: { namespace: 'default', pod: 'db-1' } });
    return [...reader.read(readFileSync(auditLog, 'utf8')), ...reader.end()];
  } finally {
    child.kill('SIGKILL');
    backend.close();
    backend.closeAllConnections();
    rmSync(folder, { recursive: true, force: true });
  }
}

const attack = '/?username=joe%40example.com&password=%3BUNION+SELECT+1%2C+version%28%29+limit+1%2C1--';

test('the same verdicts and records as Apache’s ModSecurity (modsecurity.test.ts)', { skip: missing }, async () => {
  const records = await withWaf({}, async (port) => {
    assert.equal(await get(port, '/a%2Fb//c%20d?x=%41'), 200);
    assert.equal(await get(port, attack), 403);
  });
  assert.equal(records.length, 1);
  const [record] = records;
  assert.deepEqual(
    [record!.verdict, record!.reason, record!.reporter, record!.destination.pod],
    ['DROPPED', 'blocked by rules 942190, 942360', 'pod/default/db-1/modsecurity', 'db-1'],
  );
  assert.deepEqual(record!.policy, { kind: 'WafRule', name: record!.policy!.name, direction: 'ingress', rule: '949110' });
  assert.match(record!.policy!.name, /^OWASP_CRS\/\d/);
  assert.ok(record!.body.type === 'waf');
  assert.equal(record!.body.engine, 'Palisade');
  assert.deepEqual(
    [record!.body.method, record!.body.path, record!.body.host, record!.body.status, record!.body.anomalyScore],
    ['GET', attack, 'db.test', 403, 10],
  );
});

test('DetectionOnly, and a threshold that lets it pass', { skip: missing }, async () => {
  const detected = await withWaf({ MODSEC_RULE_ENGINE: 'DetectionOnly' }, async (port) => assert.equal(await get(port, attack), 200));
  const below = await withWaf({ ANOMALY_INBOUND: '100' }, async (port) => assert.equal(await get(port, attack), 200));
  assert.deepEqual(
    [...detected, ...below].map((record) => [record.verdict, record.reason]),
    [
      ['AUDIT', 'would be blocked by rules 942190, 942360 (DetectionOnly)'],
      ['FORWARDED', 'matched rules 942190, 942360, below the threshold'],
    ],
  );
});
