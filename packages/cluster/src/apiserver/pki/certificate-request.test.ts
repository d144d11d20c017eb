import 'reflect-metadata';
import assert from 'node:assert/strict';
import { webcrypto, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import * as x509 from '@peculiar/x509';
import { readRequest, signRequest } from './certificate-request.ts';
import { ALGORITHM, issueAuthority } from './issue.ts';

const now = new Date('2026-01-01T00:00:00Z');
const ca = await issueAuthority('ca', now, 10);
const keys = (await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;

async function request(name: string, alternatives: x509.JsonGeneralNames = []): Promise<string> {
  const extensions = alternatives.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(alternatives)];
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({ name, keys, signingAlgorithm: ALGORITHM, extensions });
  return csr.toString('pem');
}

test('a group is refused in a type that two libraries read differently', async () => {
  // NumericString, 14 bytes.
  const hidden = await request(`CN=jane, O=#120e${Buffer.from('system:masters').toString('hex')}`);
  await assert.rejects(readRequest(hidden), /the subject of the request has a value that is not text/);
  assert.deepEqual((await readRequest(await request('CN=jane, O=dev, O=ops'))).organizations, ['dev', 'ops']);
});

test('alternative names go into the certificate by the types that signers look at', async () => {
  const asked = await request('CN=jane', [
    { type: 'dns', value: 'a.example' },
    { type: 'ip', value: '10.0.0.1' },
    { type: 'id', value: '1.2.3.4' },
    { type: 'dn', value: 'CN=other' },
  ]);
  const { dnsNames, ipAddresses } = await readRequest(asked);
  assert.deepEqual([dnsNames, ipAddresses], [['a.example'], ['10.0.0.1']]);
  const signed = new X509Certificate(await signRequest(ca, asked, { usages: ['client auth'], now, seconds: 600 }));
  assert.equal(signed.subjectAltName, 'DNS:a.example, IP Address:10.0.0.1');
});
