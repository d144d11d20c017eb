import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { createAuthority, type SigningEdges, signServer } from '@palisade/identity';
import { createWebhookServer } from './webhook.ts';

const edges: SigningEdges = { now: () => new Date(), randomBytes: (size) => randomBytes(size) };

test('a question that comes while the answer before it is still going out is answered', { timeout: 60_000 }, async () => {
  const { authority } = await createAuthority('test', edges);
  const { certificatePem, privateKeyPem } = await signServer(['istiod'], authority, edges, 3600);
  // More than the kernel holds.
  const large = [{ op: 'add', path: '/spec', value: 'x'.repeat(8 * 1024 * 1024) }];
  const server = createWebhookServer(
    { cert: certificatePem, key: privateKeyPem },
    { clusterDomain: () => 'cluster.local', inject: async () => ({ patch: large, warnings: [] }) },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const socket = connect({ host: '127.0.0.1', port, ca: authority.rootPem, servername: 'istiod' });
  try {
    socket.on('error', () => {});
    await once(socket, 'secureConnect');
    // The second one takes several TLS records.
    const ask = (uid: string, filler: string) => {
      const object = { metadata: { name: 'p', annotations: { filler } } };
      const body = JSON.stringify({ apiVersion: 'admission.k8s.io/v1', request: { uid, namespace: 'shop', object } });
      socket.write(`POST /inject HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    };
    ask('first', '');
    await once(socket, 'readable');
    ask('second', 'y'.repeat(100_000));
    await sleep(100);
    let text = '';
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      text = (text + chunk.toString('latin1')).slice(-300_000);
      if (text.includes('"uid":"second"')) break;
    }
    assert.match(text, /"uid":"second"/);
  } finally {
    socket.destroy();
    server.closeAllConnections();
    server.close();
  }
});
