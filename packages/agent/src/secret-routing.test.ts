import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { DeltaDiscoveryRequestSchema } from '@palisade/xds/api/envoy/service/discovery/v3/discovery';
import { divideSecretRequest } from './secret-routing.ts';

const divide = (request: MessageInitShape<typeof DeltaDiscoveryRequestSchema>) => {
  const { own, onward } = divideSecretRequest(create(DeltaDiscoveryRequestSchema, request));
  const shown = (part: typeof own) =>
    part && [
      part.resourceNamesSubscribe,
      part.resourceNamesUnsubscribe,
      part.responseNonce,
      part.errorDetail?.message ?? '',
      part.initialResourceVersions,
    ];
  return { own: shown(own), onward: shown(onward) };
};

test('names go to whom they belong; nobody is asked for everything', () => {
  assert.deepEqual(
    divide({
      resourceNamesSubscribe: ['default', 'kubernetes://a', 'ROOTCA'],
      initialResourceVersions: { default: '1', 'kubernetes://a': '2' },
    }),
    {
      own: [['default', 'ROOTCA'], [], '', '', { default: '1' }],
      onward: [['kubernetes://a'], [], '', '', { 'kubernetes://a': '2' }],
    },
  );
  assert.deepEqual(divide({ resourceNamesSubscribe: ['default'] }), { own: [['default'], [], '', '', {}], onward: undefined });
  assert.deepEqual(divide({ resourceNamesUnsubscribe: ['kubernetes://a'] }), {
    own: undefined,
    onward: [[], ['kubernetes://a'], '', '', {}],
  });
});

test('an answer, good or bad, reaches the one who was answered', () => {
  assert.deepEqual(divide({ responseNonce: 'agent:3' }), { own: [[], [], '3', '', {}], onward: undefined });
  assert.deepEqual(divide({ responseNonce: '7', errorDetail: { message: 'no key' } }), {
    own: undefined,
    onward: [[], [], '7', 'no key', {}],
  });
  assert.deepEqual(divide({ responseNonce: 'agent:3', resourceNamesSubscribe: ['kubernetes://a'] }).onward, [
    ['kubernetes://a'],
    [],
    '',
    '',
    {},
  ]);
});
