import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubernetesObject } from '@palisade/kubernetes';
import { mergePeerAuthentication, portMode } from '../authn/peer-authentication.ts';
import { nobodysKeys } from '../authn/request-authentication.ts';
import { parseAuthorizationPolicy } from '../resources/authorization-policy.ts';
import { parsePeerAuthentication } from '../resources/peer-authentication.ts';
import { parseRequestAuthentication } from '../resources/request-authentication.ts';
import { parseLegacyAuthnPolicy, resolveLegacyAuthn } from './authn.ts';
import { type AuthnService, convertLegacyAuthn } from './convert-authn.ts';

const policy = (name: string, spec: object, namespace?: string) =>
  parseLegacyAuthnPolicy({
    apiVersion: 'authentication.istio.io/v1alpha1',
    kind: namespace === undefined ? 'MeshPolicy' : 'Policy',
    metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
    spec,
  });
const db: AuthnService = {
  namespace: 'shop',
  name: 'db',
  selector: { app: 'db' },
  ports: [
    { name: 'mongo', port: 27_017 },
    { name: 'http', port: 80, targetPort: 8080 },
  ],
};
const convert = (policies: ReturnType<typeof policy>[], services = [db]) =>
  convertLegacyAuthn(policies, services, { rootNamespace: 'istio-system' });

test('modes stay what they were, on every port', () => {
  const strict = { peers: [{ mtls: {} }] };
  const sets = [
    [policy('default', { peers: [{ mtls: { mode: 'PERMISSIVE' } }] })],
    [policy('default', strict), policy('default', {}, 'shop')],
    [policy('default', strict), policy('db', { targets: [{ name: 'db', ports: [{ name: 'http' }] }] }, 'shop')],
    [
      policy('default', {}, 'shop'),
      policy('db', { ...strict, targets: [{ name: 'db' }] }, 'shop'),
      policy('p', { targets: [{ name: 'db', ports: [{ number: 27_017 }] }] }, 'shop'),
    ],
  ];
  for (const policies of sets) {
    const { policies: converted, problems } = convert(policies);
    assert.deepEqual(problems, []);
    const parsed = converted.map((each) => parsePeerAuthentication(each as unknown as KubernetesObject));
    const merged = mergePeerAuthentication(parsed, { namespace: 'shop', labels: { app: 'db' } }, 'istio-system');
    const ports = [
      { service: 'db', port: 27_017, portName: 'mongo', targetPort: 27_017 },
      { service: 'db', port: 80, portName: 'http', targetPort: 8080 },
    ];
    const old = resolveLegacyAuthn(policies, 'shop', ports).mtls;
    for (const port of [27_017, 8080])
      assert.equal(portMode(merged, port), portMode(old, port), `${JSON.stringify(converted)} port ${port}`);
  }
});

test('tokens: read by one policy, made compulsory by another', () => {
  const origins = [{ jwt: { issuer: 'me', jwks: nobodysKeys } }];
  const { policies, problems } = convert([policy('db', { origins, targets: [{ name: 'db' }] }, 'shop')]);
  assert.deepEqual(problems, []);
  assert.deepEqual(
    policies.map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`),
    ['PeerAuthentication shop/db', 'RequestAuthentication shop/db', 'AuthorizationPolicy shop/db-requires-token'],
  );
  assert.equal(parseRequestAuthentication(policies[1] as unknown as KubernetesObject).rules[0]!.issuer, 'me');
  const compulsory = parseAuthorizationPolicy(policies[2] as unknown as KubernetesObject);
  assert.deepEqual([compulsory.action, compulsory.rules[0]!.from[0]!.requestPrincipals.notValues], ['DENY', ['*']]);
  assert.equal(convert([policy('db', { origins, originIsOptional: true, targets: [{ name: 'db' }] }, 'shop')]).policies.length, 2);
});

test('what cannot be said is said', () => {
  const jwt = { issuer: 'me', jwks: nobodysKeys };
  const rows: [ReturnType<typeof policy>[], AuthnService[], RegExp][] = [
    [[policy('x', { targets: [{ name: 'ghost' }] }, 'shop')], [db], /service "ghost"/],
    [[policy('db', { origins: [{ jwt }], targets: [{ name: 'db', ports: [{ number: 80 }] }] }, 'shop')], [db], /only some ports/],
    [
      [policy('default', { origins: [{ jwt: { ...jwt, triggerRules: [{ includedPaths: [{ prefix: '/a' }] }] } }] }, 'shop')],
      [db],
      /triggerRules/,
    ],
    [[policy('db', { targets: [{ name: 'db' }] }, 'shop')], [{ ...db, ports: [{ port: 80, targetPort: 'web' }] }], /write its number/],
  ];
  for (const [policies, services, words] of rows) assert.match(convert(policies, services).problems.join('\n'), words);
});
