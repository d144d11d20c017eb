import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findConversionFault } from './conversion-fault.ts';
import { SchemaRegistry } from './registry.ts';

const POD = { group: '', version: 'v1', kind: 'Pod' };
const container = (fields: object) => ({ containers: [{ name: 'a', ...fields }] });

/** A pod's spec, and what the unstructured converter says of it. */
const CASES: readonly [spec: unknown, expected: string | undefined][] = [
  [[], 'cannot restore struct from: slice'],
  ['x', 'cannot restore struct from: string'],
  [{ containers: {} }, 'cannot restore slice from map'],
  [{ nodeSelector: 1.5 }, 'cannot restore map from float64'],
  [{ priority: 'x' }, 'unrecognized type: int32'],
  [{ priority: 1.5 }, 'cannot convert float64 to int32'],
  [{ priority: true }, 'unrecognized type: int32'],
  [{ hostNetwork: 'x' }, 'unrecognized type: bool'],
  [{ nodeName: 1 }, 'cannot convert int64 to string'],
  [{ nodeName: 1.5 }, 'unrecognized type: string'],
  [{ restartPolicy: 1 }, 'cannot convert int64 to v1.RestartPolicy'],
  [{ nodeSelector: { a: 1 } }, 'cannot convert int64 to string'],
  [container({ livenessProbe: { httpGet: { port: true } } }), 'json: cannot unmarshal bool into Go value of type int32'],
  [{ priority: null, ...container({ env: null, ports: [{ containerPort: 80 }], resources: { limits: { cpu: 1 } } }) }, undefined],
];

test('what cannot become a pod', () => {
  for (const [spec, expected] of CASES)
    assert.equal(findConversionFault(SchemaRegistry.builtin(), POD, { spec }), expected, JSON.stringify(spec));
});

test('bytes are read from their text', () => {
  const secret = { group: '', version: 'v1', kind: 'Secret' };
  const faultOf = (value: unknown) => findConversionFault(SchemaRegistry.builtin(), secret, { data: { a: value } });
  assert.equal(faultOf('YQ=='), undefined);
  assert.equal(faultOf('!'), 'error decoding from json: illegal base64 data at input byte 0');
  assert.equal(faultOf(1), 'cannot restore slice from int64');
});

test('a kind outside the table has no faults', () => {
  assert.equal(findConversionFault(SchemaRegistry.builtin(), { group: 'x.example.com', version: 'v1', kind: 'X' }, []), undefined);
});
