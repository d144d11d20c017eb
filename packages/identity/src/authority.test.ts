import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { before, test } from 'node:test';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { type Authority, createAuthority, createIntermediate, type KeyedCertificate, loadAuthority } from './authority.ts';
import { admitsServer, identifyPeer } from './peer.ts';
import { createKeyAndRequest, renewalTime } from './request.ts';
import { checkRequest, signWorkload } from './sign.ts';
import { parseWorkloadId } from './spiffe-id.ts';
import { ecdsa, generateKeys, x509 } from './x509-setup.ts';

const now = new Date();
const edges = { now: () => now, randomBytes };
const db = parseWorkloadId('spiffe://cluster.local/ns/default/sa/db');
const www = parseWorkloadId('spiffe://cluster.local/ns/default/sa/www');
const domains = { local: 'cluster.local', aliases: [] };

let authority: Authority;
let root: KeyedCertificate;
before(async () => {
  ({ authority, root } = await createAuthority('cluster.local', edges));
});

async function issue(id = db, ttlSeconds?: number) {
  const { privateKeyPem, csrPem } = await createKeyAndRequest(id);
  const signed = await signWorkload(await checkRequest(csrPem, id), authority, edges, ttlSeconds);
  return { key: privateKeyPem, ...signed };
}

async function request(extensions: x509.Extension[], keys = generateKeys()) {
  return (await x509.Pkcs10CertificateRequestGenerator.create({ keys: await keys, signingAlgorithm: ecdsa, extensions })).toString('pem');
}

test('a workload certificate: one critical URI name, no subject, 24 h, chain to the root', async () => {
  const { chainPem, notBefore, notAfter } = await issue();
  const [leaf, intermediate] = chainPem.split(/(?<=-----END CERTIFICATE-----\n)/).map((pem) => new X509Certificate(pem));
  assert.equal(leaf!.subjectAltName, 'URI:spiffe://cluster.local/ns/default/sa/db');
  assert.equal(leaf!.subject, undefined);
  assert.equal(leaf!.ca, false);
  assert.equal(notAfter.getTime() - now.getTime(), 86_400_000);
  assert.ok(notBefore < now);
  assert.ok(leaf!.checkIssued(intermediate!) && leaf!.verify(intermediate!.publicKey));
  const anchor = new X509Certificate(authority.rootPem);
  assert.ok(intermediate!.checkIssued(anchor) && intermediate!.verify(anchor.publicKey) && intermediate!.ca);
  assert.deepEqual(identifyPeer(leaf!, domains), { ok: true, id: db, uri: 'spiffe://cluster.local/ns/default/sa/db' });
});

test('requests that are refused', async () => {
  const san = (...names: x509.JsonGeneralNames) => new x509.SubjectAlternativeNameExtension(names);
  const own = { type: 'url', value: 'spiffe://cluster.local/ns/default/sa/db' } as const;
  const rows: [string, RegExp][] = [
    ['no PEM', /cannot be read/],
    [
      await request([san({ type: 'url', value: 'spiffe://cluster.local/ns/default/sa/www' })]),
      /asks for url "spiffe:.*www", but its sender is/,
    ],
    [await request([san(own, { type: 'dns', value: 'db' })]), /asks for dns "db"/],
    [await request([san(own), san({ type: 'ip', value: '10.0.0.1' })]), /asks for ip/],
    [await request([san(own, own)]), /more than once/],
    [await request([san(own), new x509.BasicConstraintsExtension(true, 0, true)]), /asks for an authority/],
  ];
  for (const [csr, reason] of rows) {
    await assert.rejects(
      checkRequest(csr, db),
      (error: Error & { code: string }) => error.code === 'bad-csr' && reason.test(error.message),
      String(reason),
    );
  }
  await checkRequest(await request([]), db);
  const forged = Buffer.from(x509.PemConverter.decodeFirst((await createKeyAndRequest(db)).csrPem));
  forged[forged.length - 1]! ^= 1;
  await assert.rejects(checkRequest(x509.PemConverter.encode(forged, 'CERTIFICATE REQUEST'), db), /signature|cannot be read/);
});

test('lives: bounded by the request, 90 days and the intermediate', async () => {
  assert.equal((await issue(db, 3600)).notAfter.getTime(), now.getTime() + 3_600_000);
  await assert.rejects(issue(db, 91 * 86_400), /expected 60 to/);
  await assert.rejects(issue(db, Number.NaN), /expected 60 to/);
  const short = { ...authority, intermediate: await createIntermediate('cluster.local', root, edges, 1 / 24) };
  const { csrPem } = await createKeyAndRequest(db);
  const signed = await signWorkload(await checkRequest(csrPem, db), short, edges);
  assert.ok(signed.notAfter.getTime() <= now.getTime() + 3_600_000);
  const later = { ...edges, now: () => new Date(now.getTime() + 7_200_000) };
  await assert.rejects(signWorkload(await checkRequest(csrPem, db), short, later), { code: 'bad-authority' });
});

test('an own authority is checked whole', async () => {
  assert.equal(loadAuthority(authority, now), authority);
  const other = await createAuthority('cluster.local', edges);
  const leaf = await issue();
  const leafPem = leaf.chainPem.split(/(?<=-----END CERTIFICATE-----\n)/)[0]!;
  const rows: [Authority, RegExp][] = [
    [{ ...authority, rootPem: other.authority.rootPem }, /was not signed by/],
    [{ ...authority, intermediate: { ...authority.intermediate, privateKeyPem: other.root.privateKeyPem } }, /does not belong/],
    [{ ...authority, intermediate: { certificatePem: leafPem, privateKeyPem: leaf.key } }, /is no authority/],
    [{ ...authority, rootPem: 'x' }, /cannot be read/],
  ];
  for (const [bad, reason] of rows) assert.throws(() => loadAuthority(bad, now), reason);
  assert.throws(() => loadAuthority(authority, new Date(now.getTime() + 400 * 86_400_000)), /is not valid at/);
});

test('mutual TLS with these certificates; secure naming', async () => {
  const [server, client] = [await issue(db), await issue(www)];
  const listener = createServer({
    key: server.key,
    cert: server.chainPem,
    ca: authority.rootPem,
    requestCert: true,
    minVersion: 'TLSv1.3',
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const accepted = once(listener, 'secureConnection') as Promise<[TLSSocket]>;
  const socket = connect({
    host: '127.0.0.1',
    port: (listener.address() as AddressInfo).port,
    key: client.key,
    cert: client.chainPem,
    ca: authority.rootPem,
    checkServerIdentity: () => undefined,
  });
  await once(socket, 'secureConnect');
  const [peer] = await accepted;
  assert.ok(socket.authorized && peer.authorized);
  const seenByClient = identifyPeer(socket.getPeerX509Certificate()!, domains);
  const seenByServer = identifyPeer(peer.getPeerX509Certificate()!, domains);
  socket.destroy();
  peer.destroy();
  listener.close();
  assert.deepEqual([seenByClient.ok && seenByClient.id, seenByServer.ok && seenByServer.id], [db, www]);
  assert.ok(admitsServer(seenByClient, ['spiffe://cluster.local/ns/default/sa/db']));
  assert.ok(!admitsServer(seenByClient, ['spiffe://cluster.local/ns/default/sa/auth']));
  assert.ok(!admitsServer(seenByClient, []));
});

test('peers that are nobody', () => {
  const rows: [string | undefined, boolean, RegExp][] = [
    [undefined, false, /0 URI names/],
    ['DNS:db', false, /0 URI names/],
    ['URI:spiffe://cluster.local/ns/a/sa/b, URI:spiffe://cluster.local/ns/a/sa/c', false, /2 URI names/],
    ['URI:spiffe://foreign/ns/a/sa/b', false, /"foreign" is not this mesh/],
    ['URI:"spiffe://cluster.local/ns/a/sa/b\\u0000x"', false, /quoted/],
    ['URI:https://cluster.local', false, /Cannot parse/],
    ['URI:spiffe://cluster.local/ns/a/sa/b', true, /authority/],
  ];
  for (const [subjectAltName, ca, reason] of rows) {
    const identity = identifyPeer({ subjectAltName, ca } as X509Certificate, domains);
    assert.ok(!identity.ok && reason.test(identity.reason), `${subjectAltName}`);
  }
});

test('the request’s key never leaves: only its public half is in the request', async () => {
  const { privateKeyPem, csrPem } = await createKeyAndRequest(db);
  assert.equal(createPrivateKey(privateKeyPem).asymmetricKeyDetails?.namedCurve, 'prime256v1');
  assert.match(csrPem, /^-----BEGIN CERTIFICATE REQUEST-----/);
  assert.doesNotMatch(csrPem, /PRIVATE/);
});

test('renewal at half of the life that was left, or with another part of it left; one hundredth either way', () => {
  const certificate = { receivedAt: new Date(1000), notAfter: new Date(2000) };
  const at = (ratio?: number) => [0, 0.5, 0.999].map((random) => Math.floor(renewalTime(certificate, () => random, ratio).getTime()));
  assert.deepEqual(at(), [1510, 1500, 1490]);
  assert.deepEqual(at(0.8), [1210, 1200, 1190]);
});

test('weak keys are refused', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  const keys = {
    privateKey: await crypto.subtle.importKey('pkcs8', privateKey.export({ type: 'pkcs8', format: 'der' }), algorithm, true, ['sign']),
    publicKey: await crypto.subtle.importKey('spki', publicKey.export({ type: 'spki', format: 'der' }), algorithm, true, ['verify']),
  };
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({ keys, signingAlgorithm: algorithm, extensions: [] });
  await assert.rejects(checkRequest(csr.toString('pem'), db), /of 1024 bits/);
});
