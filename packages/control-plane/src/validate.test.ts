import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkResource } from './validate.ts';

const object = (apiVersion: string, kind: string, spec: object) => ({ apiVersion, kind, metadata: { name: 'x', namespace: 'shop' }, spec });

test('a kind that is not served is refused by name, in each group', () => {
  for (const [apiVersion, kind] of [
    ['networking.istio.io/v1alpha3', 'EnvoyFilter'],
    ['networking.istio.io/v1', 'ServiceEntry'],
    ['networking.istio.io/v1', 'Sidecar'],
    ['telemetry.istio.io/v1', 'Telemetry'],
    ['extensions.istio.io/v1alpha1', 'WasmPlugin'],
    ['config.istio.io/v1alpha2', 'AuthorizationPolicy'],
  ] as const)
    assert.throws(
      () => checkResource(object(apiVersion, kind, {}), 'cluster.local'),
      new RegExp(`kind: ${kind} .*not yet supported`),
      kind,
    );
});

test('a served kind is taken, and refused with the field’s path when something in it is not served', () => {
  checkResource(object('security.istio.io/v1beta1', 'AuthorizationPolicy', {}), 'cluster.local');
  checkResource({ ...object('rbac.istio.io/v1alpha1', 'RbacConfig', { mode: 'ON' }), metadata: { name: 'default' } }, 'cluster.local');
  const refusals: [string, string, object, RegExp][] = [
    ['security.istio.io/v1', 'AuthorizationPolicy', { action: 'CUSTOM', provider: { name: 'p' } }, /spec\.action: CUSTOM is not yet/],
    ['security.istio.io/v1', 'AuthorizationPolicy', { ruels: [] }, /spec\.ruels/],
    ['security.istio.io/v1', 'AuthorizationPolicy', { action: 'DENY' }, /spec\.rules: missing: DENY without rules denies nothing/],
    ['security.istio.io/v1', 'AuthorizationPolicy', { rules: [{}, null] }, /spec\.rules\[1\]: is null/],
    ['rbac.istio.io/v1alpha1', 'ServiceRole', { rules: [{}] }, /spec\.rules\[0\]\.services/],
    ['authentication.istio.io/v1alpha1', 'Policy', { targets: [{ name: 'db' }], peers: [{ jwt: {} }] }, /spec\.peers\[0\]/],
    [
      'networking.istio.io/v1',
      'DestinationRule',
      { host: 'db', trafficPolicy: { outlierDetection: {} } },
      /spec\.trafficPolicy\.outlierDetection/,
    ],
  ];
  for (const [apiVersion, kind, spec, message] of refusals)
    assert.throws(() => checkResource(object(apiVersion, kind, spec), 'cluster.local'), message);
  const strict = object('security.istio.io/v1', 'PeerAuthentication', { mtls: { mode: 'STRICT' } });
  const tried = { ...strict, metadata: { ...strict.metadata, annotations: { 'istio.io/dry-run': 'true' } } };
  assert.throws(
    () => checkResource(tried, 'cluster.local'),
    /annotations\[istio\.io\/dry-run\]: .*this PeerAuthentication would be enforced/,
  );
});
