/** The process: when it does not begin, and how it ends. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { plainHop } from './testing/mesh-bootstrap.ts';

const main = new URL('main.ts', import.meta.url).pathname;

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

test('SIGTERM: the last answer is given and logged, then the process ends by itself', { timeout: 60_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'palisade-proxy-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>();
  const { promise: mayAnswer, resolve: answer } = Promise.withResolvers<void>();
  const application = createServer((request, response) => {
    if (request.url !== '/last') return void response.end();
    onAsked();
    void mayAnswer.then(() => response.end('the last'));
  }).listen(0, '127.0.0.1');
  t.after(() => application.close());
  await once(application, 'listening');
  const [listenPort, adminPort] = [await freePort(), await freePort()];
  const logPath = join(folder, 'access.log');
  const upstreamPort = (application.address() as AddressInfo).port;
  writeFileSync(
    join(folder, 'bootstrap.json'),
    JSON.stringify(plainHop({ listenPort, adminPort, upstreamPort, logPath, statPrefix: 'in' }, [])),
  );
  const child = spawn(process.execPath, [main, '-c', join(folder, 'bootstrap.json')], { stdio: ['ignore', 'inherit', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const ended = once(child, 'exit');
  const get = (path: string) => fetch(`http://127.0.0.1:${listenPort}${path}`);
  while (
    !(await get('/').then(
      () => true,
      () => false,
    ))
  )
    await new Promise((resolve) => setTimeout(resolve, 50));

  const last = get('/last').then((response) => response.text());
  await asked;
  child.kill('SIGTERM');
  // Once nobody is let in any more, the signal has been taken.
  while (await isOpen(listenPort)) await new Promise((resolve) => setTimeout(resolve, 10));
  answer();
  assert.equal(await last, 'the last');
  assert.deepEqual(await ended, [0, null]);
  assert.match(readFileSync(logPath, 'utf8'), /"path":"\/last"/);
});

test('a bootstrap that names a certificate which is not there is refused, as by Envoy', { timeout: 60_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'palisade-proxy-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const chain = { filename: join(folder, 'nowhere.pem') };
  const secrets = [{ name: 'default', tls_certificate: { certificate_chain: chain, private_key: chain } }];
  writeFileSync(join(folder, 'bootstrap.json'), JSON.stringify({ static_resources: { secrets } }));
  const child = spawn(process.execPath, [main, '-c', join(folder, 'bootstrap.json')], { stdio: ['ignore', 'inherit', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  const [said, ended] = await Promise.all([child.stderr.toArray(), once(child, 'exit')]);
  assert.match(Buffer.concat(said).toString(), /secret "default".*cannot read ".*nowhere\.pem"/);
  assert.deepEqual(ended, [1, null]);
});

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    }).on('error', () => resolve(false));
  });
}
