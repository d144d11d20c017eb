import assert from 'node:assert/strict';
import type { GroupVersionKind, KubernetesObject } from '../../object.ts';
import { renderRow, tableColumns } from '../table.ts';

export const now = new Date('2026-01-01T01:00:00Z');
export const created = '2026-01-01T00:00:00Z';

/** The cells of an object made an hour before `now`: one for each column of its kind. */
export function row(apiVersion: string, kind: string, fields: Record<string, unknown>, metadata: Record<string, unknown> = {}): unknown[] {
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  const gvk: GroupVersionKind = { group: group!, version: version!, kind };
  const cells = renderRow(
    gvk,
    { apiVersion, kind, metadata: { name: 'x', creationTimestamp: created, ...metadata }, ...fields } as KubernetesObject,
    now,
  );
  assert.equal(cells.length, tableColumns(gvk).length);
  return cells;
}
