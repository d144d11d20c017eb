import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RequestedSubject } from '../../contract.ts';
import { autoApprovals, Signer, signingFault } from './decide.ts';

const node: RequestedSubject = {
  commonName: 'system:node:node1',
  organizations: ['system:nodes'],
  dnsNames: [],
  ipAddresses: [],
  emails: [],
  uris: [],
};
const client = ['digital signature', 'client auth'];
const serving = ['digital signature', 'key encipherment', 'server auth'];

const signings: [what: string, signer: string, subject: RequestedSubject, usages: string[], fault: string | undefined][] = [
  ['a kubelet', Signer.kubeletClient, node, client, undefined],
  ['with RSA usages', Signer.kubeletClient, node, [...client, 'key encipherment'], undefined],
  [
    'of another group',
    Signer.kubeletClient,
    { ...node, organizations: ['system:masters'] },
    client,
    'subject organization is not system:nodes',
  ],
  [
    'of one more group',
    Signer.kubeletClient,
    { ...node, organizations: ['system:nodes', 'system:masters'] },
    client,
    'subject organization is not system:nodes',
  ],
  ['of no node', Signer.kubeletClient, { ...node, commonName: 'admin' }, client, 'subject common name does not begin with system:node:'],
  ['with names', Signer.kubeletClient, { ...node, dnsNames: ['api'] }, client, 'DNS subjectAltNames are not allowed'],
  ['that would serve', Signer.kubeletClient, node, serving, 'usages did not match [client auth digital signature key encipherment]'],
  ['a serving kubelet', Signer.kubeletServing, { ...node, ipAddresses: ['10.0.0.1'] }, serving, undefined],
  ['serving nowhere', Signer.kubeletServing, node, serving, 'DNS or IP subjectAltName is required'],
  ['a client', Signer.client, { ...node, commonName: 'alice', organizations: [] }, ['client auth'], undefined],
  ['a client that serves', Signer.client, node, ['client auth', 'server auth'], 'invalid usage for client certificate: server auth'],
  ['a client of nothing', Signer.client, node, ['digital signature'], 'missing required usage for client certificate: client auth'],
];

for (const [what, signer, subject, usages, fault] of signings) {
  test(`signing: ${what}`, () => assert.equal(signingFault(signer, subject, usages), fault));
}

test('only a proper kubelet client request is approved without a person', () => {
  const permissions = (signer: string, subject: RequestedSubject, user: string) =>
    autoApprovals(signer, subject, client, user).map((approval) => approval.subresource);
  assert.deepEqual(permissions(Signer.kubeletClient, node, 'system:bootstrap:abc'), ['nodeclient']);
  assert.deepEqual(permissions(Signer.kubeletClient, node, 'system:node:node1'), ['selfnodeclient', 'nodeclient']);
  assert.deepEqual(permissions(Signer.client, node, 'system:node:node1'), []);
  assert.deepEqual(permissions(Signer.kubeletClient, { ...node, organizations: ['system:masters'] }, 'system:node:node1'), []);
});
