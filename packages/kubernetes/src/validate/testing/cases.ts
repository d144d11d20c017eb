import assert from 'node:assert/strict';
import { applyDefaults } from '../../defaults/apply.ts';
import type { KubernetesObject } from '../../object.ts';
import { decodeStrict } from '../../schema/decode.ts';
import { parseApiVersion, SchemaRegistry } from '../../schema/registry.ts';
import type { StatusCause } from '../../status.ts';
import { validateCreate } from '../validate.ts';

export const registry = SchemaRegistry.builtin();

/** Decoded and defaulted as the server would, named `x` unless the fields say otherwise. */
export function made(apiVersion: string, kind: string, fields: Record<string, unknown>): KubernetesObject {
  const body = { metadata: { name: 'x' }, ...fields };
  const { object, unknownFields } = decodeStrict(registry, { ...parseApiVersion(apiVersion), kind }, body);
  assert.deepEqual(unknownFields, []);
  return applyDefaults(registry, object);
}

/** `field reason` of each cause; the words are held by the recorded answers. */
export const summarize = (causes: readonly StatusCause[]): string[] =>
  causes.map((c) => `${c.field} ${c.reason?.replace('FieldValue', '')}`);

export const causesOf = (apiVersion: string, kind: string, fields: Record<string, unknown>): string[] =>
  summarize(validateCreate(registry, made(apiVersion, kind, fields)));

const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
/** A pod template and the selector that selects it. */
export const selected = { selector: { matchLabels: { a: 'b' } }, template };

export type CauseRow = readonly [name: string, found: string[], causes: string[]];
