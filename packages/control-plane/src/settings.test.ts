import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MeshConfigError, readSettings } from './settings.ts';

test('an absent or empty MeshConfig is Istio’s defaults', () => {
  for (const text of [undefined, '', '{}']) {
    const settings = readSettings(text, 'istio-system');
    assert.deepEqual(
      [settings.rootNamespace, settings.trustDomains, settings.isAutoMtls, settings.outbound, settings.pathNormalization],
      ['istio-system', { local: 'cluster.local', aliases: [] }, true, 'ALLOW_ANY', 'BASE'],
    );
  }
});

test('what is set is taken; what is none of ours is passed over', () => {
  const text =
    'trustDomain: shop.example\ntrustDomainAliases: [old]\nenableAutoMtls: false\noutboundTrafficPolicy: {mode: REGISTRY_ONLY}\n' +
    'pathNormalization: {normalization: MERGE_SLASHES}\ndefaultConfig: {discoveryAddress: x}\n';
  const settings = readSettings(text, 'istio-system');
  assert.deepEqual(settings.trustDomains, { local: 'shop.example', aliases: ['old'] });
  assert.deepEqual([settings.isAutoMtls, settings.outbound, settings.pathNormalization], [false, 'REGISTRY_ONLY', 'MERGE_SLASHES']);
});

test('a wrong value refuses the whole, naming the field', () => {
  for (const [text, field] of [
    ['enableAutoMtls: yes please', 'enableAutoMtls'],
    ['outboundTrafficPolicy: {mode: OPEN}', 'outboundTrafficPolicy.mode'],
    ['trustDomainAliases: one', 'trustDomainAliases'],
    ['outboundTrafficPolicy: REGISTRY_ONLY', 'outboundTrafficPolicy'],
    ['pathNormalization: [MERGE_SLASHES]', 'pathNormalization'],
    ['palisade: legacy', 'palisade'],
    ['- list', 'mesh'],
  ] as const)
    assert.throws(
      () => readSettings(text, 'istio-system'),
      (error) => error instanceof MeshConfigError && error.message.includes(field),
      text,
    );
});
