import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubernetesObject } from '@palisade/kubernetes';
import { defaultSettings } from '@palisade/mesh/traffic';
import { meshKinds, readSnapshot } from './snapshot.ts';

const stored = (kind: string, spec: unknown, annotations: Record<string, string> = {}): KubernetesObject => ({
  apiVersion: 'security.istio.io/v1',
  kind,
  metadata: { namespace: 'shop', name: 'x', annotations },
  spec,
});

function read(object: KubernetesObject) {
  const resource = { AuthorizationPolicy: 'authorizationpolicies', PeerAuthentication: 'peerauthentications' }[object.kind!];
  const sources = Object.fromEntries(
    Object.entries(meshKinds).map(([kind, [, , name]]) => [
      kind,
      { list: () => (name === (resource ?? 'requestauthentications') ? [object] : []), get: () => undefined },
    ]),
  ) as unknown as Parameters<typeof readSnapshot>[0];
  const said: string[] = [];
  const snapshot = readSnapshot(
    sources,
    defaultSettings,
    () => undefined,
    (message) => said.push(message),
  );
  return { ...snapshot, said };
}

test('a stored AuthorizationPolicy that cannot be read denies everything, whatever is wrong with it', () => {
  const cases: [object, Record<string, string>, boolean][] = [
    [{ action: 'DENY', ruels: [] }, {}, false],
    [{ action: 'DENY', rules: [{}] }, { 'istio.io/dry-run': 'perhaps' }, false],
    [{ ruels: [] }, { 'istio.io/dry-run': 'true' }, true],
  ];
  for (const [spec, annotations, isDryRun] of cases) {
    const { authorizationPolicies, said } = read(stored('AuthorizationPolicy', spec, annotations));
    assert.deepEqual(authorizationPolicies, [{ namespace: 'shop', name: 'x', action: 'ALLOW', isDryRun, rules: [] }]);
    assert.match(said.join(), /^AuthorizationPolicy shop\/x denies everything: /);
  }
});

test('a PeerAuthentication is STRICT, a RequestAuthentication refuses tokens, for the workloads it selects or all', () => {
  const selector = { matchLabels: { app: 'web' } };
  const rows = [
    [{ selector, mtls: { mode: 'STRIKT' } }, { app: 'web' }],
    [{ selector: { app: 'web' } }, undefined],
    ['text', undefined],
  ] as const;
  for (const [spec, selected] of rows) {
    const peer = read(stored('PeerAuthentication', spec));
    assert.deepEqual(
      peer.peerAuthentications.map(({ mode, selector: own }) => [mode, own]),
      [['STRICT', selected]],
    );
    assert.match(peer.said.join(), /^PeerAuthentication shop\/x is STRICT: /);
    const request = read(stored('RequestAuthentication', typeof spec === 'string' ? spec : { ...spec, jwtRules: 'all' }));
    assert.deepEqual(
      request.requestAuthentications.map(({ rules, selector: own }) => [rules.map(({ issuer }) => issuer), own]),
      [[['nobody'], selected]],
    );
  }
});

test('a resource of another revision is another control plane’s', () => {
  const of = (rev?: string) => {
    const policy = stored('AuthorizationPolicy', {});
    return read({ ...policy, metadata: { ...policy.metadata, labels: rev === undefined ? {} : { 'istio.io/rev': rev } } });
  };
  for (const rev of [undefined, 'default']) assert.equal(of(rev).authorizationPolicies.length, 1, rev);
  assert.deepEqual([of('canary').authorizationPolicies, of('canary').said], [[], []]);
});
