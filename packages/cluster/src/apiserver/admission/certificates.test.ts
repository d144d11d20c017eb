import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubernetesObject } from '@palisade/kubernetes';
import type { Attributes } from '../auth/authorizer.ts';
import type { Scope } from '../core.ts';
import { restrictSigners } from './certificates.ts';

const csr = (status: object): KubernetesObject => ({
  apiVersion: 'certificates.k8s.io/v1',
  kind: 'CertificateSigningRequest',
  metadata: { name: 'r' },
  spec: { signerName: 'example.com/one' },
  status,
});
const old = csr({ conditions: [{ type: 'Approved' }] });
const signed = csr({ ...old['status'], certificate: 'x' });
const failed = csr({ conditions: [{ type: 'Approved' }, { type: 'Failed' }] });

/** Rights the writer must have one of, as `verb name`; none are asked for where the write is nobody's business. */
const rows: readonly (readonly [what: string, subresource: string, object: KubernetesObject, rights: readonly string[]])[] = [
  ['the object itself is written', '', old, []],
  ['a decision', 'approval', old, ['approve example.com/one', 'approve example.com/*']],
  ['a certificate', 'status', signed, ['sign example.com/one', 'sign example.com/*']],
  ['a failure', 'status', failed, ['sign example.com/one', 'sign example.com/*']],
  ['a status as it was', 'status', structuredClone(old), []],
];
for (const [what, subresource, object, rights] of rows) {
  test(`${what}: ${rights.join(' or ') || 'anybody'}`, () => {
    const gvr = { group: 'certificates.k8s.io', version: 'v1', resource: 'certificatesigningrequests' };
    const resource = { gvr, storeType: 'certificatesigningrequests.certificates.k8s.io' };
    const scope = { resource, subresource, name: 'r', user: { username: 'jane', groups: [] } } as unknown as Scope;
    const write = (may: (right: string) => boolean) => () =>
      restrictSigners(scope, object, old, {
        authorize: ({ verb, resource: asked }: Attributes) => ({ allowed: may(`${verb} ${asked?.name}`), reason: '' }),
      });
    if (rights.length === 0) assert.doesNotThrow(write(() => false));
    else
      assert.throws(
        write(() => false),
        { message: /user not permitted to (approve|sign) requests with signerName "example.com\/one"/ },
      );
    for (const right of rights) assert.doesNotThrow(write((asked) => asked === right));
  });
}
