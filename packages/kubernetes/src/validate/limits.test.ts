import assert from 'node:assert/strict';
import { test } from 'node:test';
import { causesOf } from './testing/cases.ts';

const quota = (spec: object) => causesOf('v1', 'ResourceQuota', { spec });
const range = (...limits: object[]) => causesOf('v1', 'LimitRange', { spec: { limits } });

test('quotas: whole numbers of things, nothing negative, scopes that can be met', () => {
  assert.deepEqual(quota({ hard: { pods: '3', 'requests.cpu': '500m', 'count/jobs.batch': '1', 'example.com/x': '2' } }), []);
  assert.deepEqual(quota({ hard: { pods: '-1' } }), ['spec.hard[pods] Invalid']);
  assert.deepEqual(quota({ hard: { pods: '500m' } }), ['spec.hard[pods] Invalid']);
  assert.deepEqual(quota({ hard: { things: '1' } }), ['spec.hard[things] Invalid', 'spec.hard[things] Invalid']);
  assert.deepEqual(quota({ scopes: ['Odd'] }), ['spec.scopes Invalid']);
  assert.deepEqual(quota({ scopes: ['BestEffort', 'NotBestEffort'] }), ['spec.scopes Invalid']);
});

test('ranges: least, default and most in that order, each type once', () => {
  assert.deepEqual(
    range({ type: 'Container', min: { cpu: '1' }, default: { cpu: '2' }, max: { cpu: '3' } }, { type: 'Pod', max: { cpu: '9' } }),
    [],
  );
  assert.deepEqual(range({ type: 'Container', min: { cpu: '2' }, max: { cpu: '1' } })[0], 'spec.limits[0].min[cpu] Invalid');
  assert.deepEqual(range({ type: 'Pod', default: { cpu: '1' } }), ['spec.limits[0].default Forbidden']);
  assert.deepEqual(range({ type: 'Pod' }, { type: 'Pod' }), ['spec.limits[1].type Duplicate']);
  // The name of what every object has is a name like any other.
  assert.deepEqual(range({ type: 'Container', min: {}, defaultRequest: JSON.parse('{"__proto__":"1","constructor":"1"}') }), []);
});
