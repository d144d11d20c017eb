import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { CORE, configMap, startHarness } from '../testing/harness.ts';

test('a request that comes while the answer before it is still going out is served', { timeout: 60_000 }, async () => {
  await using harness = await startHarness();
  const large = 8 * 1024 * 1024;
  const filler = 'x'.repeat(512 * 1024);
  for (let size = 0; size < large; size += filler.length)
    await harness.client.create(CORE('configmaps'), configMap(`filler-${size}`, { text: filler }));
  const socket = connect({ host: '127.0.0.1', port: harness.port, ca: harness.server.caCertificatePem, ...harness.admin });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  const path = '/api/v1/namespaces/default/configmaps';
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await once(socket, 'readable');
  // More than the kernel holds is on its way and nobody reads it. This request's body takes several TLS records.
  const body = JSON.stringify(configMap('late', { text: 'y'.repeat(100_000) }));
  socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  await sleep(100);
  let text = '';
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    text = (text + chunk.toString('latin1')).slice(-300_000);
    if (text.includes('HTTP/1.1 201 Created')) break;
  }
  assert.match(text, /HTTP\/1\.1 201 Created/);
});

test('a method that no path has is answered like one that this path has not; what is no HTTP ends at once', {
  timeout: 60_000,
}, async () => {
  await using harness = await startHarness();
  const ask = async (text: string): Promise<string> => {
    const socket = connect({ host: '127.0.0.1', port: harness.port, ca: harness.server.caCertificatePem, ...harness.admin });
    await once(socket, 'secureConnect');
    socket.write(text);
    const parts: Buffer[] = [];
    for await (const part of socket as AsyncIterable<Buffer>) parts.push(part);
    return Buffer.concat(parts).toString();
  };
  const answer = await ask('BREW /api/v1/pods HTTP/1.1\r\nHost: x\r\n\r\n');
  assert.match(answer, /^HTTP\/1\.1 405 /);
  assert.equal(JSON.parse(answer.split('\r\n\r\n')[1]!).reason, 'MethodNotAllowed');
  assert.match(await ask('BREW coffee\r\n\r\n'), /^HTTP\/1\.1 400 /);
  assert.match(await ask(`GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(80_000)}\r\n\r\n`), /^HTTP\/1\.1 431 /);
});
