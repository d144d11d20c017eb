import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KubernetesObject, ManagedFieldsEntry } from '../object.ts';
import { SchemaRegistry } from '../schema/registry.ts';
import { applyConfiguration, managersAfterUpdate, type Writer } from './managers.ts';
import { managersOfScale, managersOfScaled } from './scale.ts';
import { builtinShape } from './shape.ts';

const shape = builtinShape(SchemaRegistry.builtin(), 'io.k8s.api.core.v1.ConfigMap');
const writer = (manager: string, time = '2026-01-01T00:00:01Z', apiVersion = 'v1'): Writer => ({
  manager,
  apiVersion,
  subresource: '',
  time,
  leaves: [],
});
const map = (data: object | null, managedFields: readonly ManagedFieldsEntry[] = [], uid?: string): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'c', managedFields: [...managedFields], ...(uid === undefined ? {} : { uid }) },
  data,
});
const brief = (entries: readonly ManagedFieldsEntry[] | undefined) =>
  (entries ?? []).map(({ manager, operation, apiVersion, time, fieldsV1, subresource }) => [
    `${manager} ${operation} ${apiVersion} ${time?.slice(-3) ?? '-'}${subresource ? ` ${subresource}` : ''}`,
    fieldsV1,
  ]);
const entry = (
  manager: string,
  operation: 'Apply' | 'Update',
  fieldsV1: object,
  more: Partial<ManagedFieldsEntry> = {},
): ManagedFieldsEntry => ({
  manager,
  operation,
  apiVersion: 'v1',
  time: '2026-01-01T00:00:00Z',
  fieldsType: 'FieldsV1',
  fieldsV1: fieldsV1 as Record<string, unknown>,
  ...more,
});

describe('updates', () => {
  test('what was stored without managers stays without', () => {
    assert.deepEqual(managersAfterUpdate(shape, map({ a: '1' }, [], 'uid'), map({ a: '2' }), undefined, writer('me')), []);
    assert.equal(managersAfterUpdate(shape, map(null), map({ a: '2' }), undefined, writer('me')).length, 1);
  });

  test('a value that changed is a new time, one that only went is none', () => {
    const mine = [entry('me', 'Update', { 'f:data': { '.': {}, 'f:a': {}, 'f:b': {} } })];
    const before = map({ a: '1', b: '1' }, mine, 'uid');
    const changed = managersAfterUpdate(shape, before, map({ a: '2', b: '1' }), undefined, writer('me'));
    assert.deepEqual(brief(changed), [['me Update v1 01Z', { 'f:data': { '.': {}, 'f:a': {}, 'f:b': {} } }]]);
    const gone = managersAfterUpdate(shape, before, map({ a: '1' }), undefined, writer('me'));
    assert.deepEqual(brief(gone), [['me Update v1 00Z', { 'f:data': { '.': {}, 'f:a': {} } }]]);
  });

  test('of more than ten managers the oldest of each version are put together', () => {
    const many = Array.from({ length: 11 }, (_, i) =>
      entry(
        `m${String(i).padStart(2, '0')}`,
        'Update',
        { 'f:data': { [`f:${i}`]: {} } },
        { apiVersion: i === 0 ? 'v0' : 'v1', time: `2026-01-01T00:00:${10 + i}Z` },
      ),
    );
    const after = managersAfterUpdate(
      shape,
      map({ a: '1' }, many, 'uid'),
      map({ a: '2' }),
      undefined,
      writer('me', '2026-01-01T00:01:00Z'),
    );
    const names = after.map(({ manager, apiVersion }) => `${manager} ${apiVersion}`);
    assert.deepEqual(names, [
      'm00 v0',
      'ancient-changes v1',
      'm04 v1',
      'm05 v1',
      'm06 v1',
      'm07 v1',
      'm08 v1',
      'm09 v1',
      'm10 v1',
      'me v1',
    ]);
    assert.deepEqual(brief(after)[1], ['ancient-changes Update v1 13Z', { 'f:data': { 'f:1': {}, 'f:2': {}, 'f:3': {} } }]);
  });
});

describe('apply', () => {
  test('an empty map is owned, an empty list of single elements is not', () => {
    const made = applyConfiguration(shape, undefined, { ...map({}), metadata: { name: 'c', finalizers: [] } }, writer('me'), false);
    assert.deepEqual(brief(made.metadata.managedFields), [['me Apply v1 01Z', { 'f:data': {} }]]);
  });

  test('a map in which nobody owns anything any more goes with what was never owned', () => {
    const live = map({ a: '1', stray: '2' }, [entry('me', 'Apply', { 'f:data': { 'f:a': {} } })], 'uid');
    const applied = (config: object) =>
      applyConfiguration(shape, live, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' }, ...config }, writer('me'), false);
    assert.equal(applied({})['data'], undefined);
    assert.deepEqual(applied({ data: {} })['data'], { stray: '2' });
  });

  test('who was there before the first apply was there in the subresource', () => {
    const live = map({ a: '1' }, [], 'uid');
    const made = applyConfiguration(shape, live, map({ b: '2' }), { ...writer('me'), subresource: 'scale' }, false);
    assert.deepEqual(brief(made.metadata.managedFields), [
      ['me Apply v1 01Z scale', { 'f:data': { 'f:b': {} } }],
      ['before-first-apply Update v1 01Z scale', { 'f:data': { '.': {}, 'f:a': {} } }],
    ]);
  });
});

describe('through a Scale', () => {
  const path = ['spec', 'replicas'];
  const replicas = { 'f:spec': { 'f:replicas': {} } };
  const parent = [
    entry('one', 'Apply', { 'f:spec': { 'f:paused': {}, 'f:replicas': {} } }, { apiVersion: 'apps/v1' }),
    entry('two', 'Update', { 'f:spec': { 'f:paused': {} } }, { apiVersion: 'apps/v1' }),
  ];

  test('managers of the replicas manage the Scale', () => {
    assert.deepEqual(brief(managersOfScale(parent, path)), [['one Apply autoscaling/v1 00Z', replicas]]);
  });

  test('who takes the Scale takes the replicas, and nothing else', () => {
    const taken = [entry('me', 'Update', replicas, { apiVersion: 'autoscaling/v1', subresource: 'scale' })];
    assert.deepEqual(brief(managersOfScaled(parent, taken, path, 'apps/v1')), [
      ['one Apply apps/v1 00Z', { 'f:spec': { 'f:paused': {} } }],
      ['me Update apps/v1 - scale', replicas],
      ['two Update apps/v1 00Z', { 'f:spec': { 'f:paused': {} } }],
    ]);
  });

  test('who keeps the Scale keeps everything', () => {
    assert.deepEqual(managersOfScaled(parent, managersOfScale(parent, path), path, 'apps/v1'), parent);
  });
});
