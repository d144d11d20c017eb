/**
 * Every kind and field of Istio's API, from its own definitions, and of 1.1's kinds: read into the checked form or refused by name, never
 * ignored. Nonsense in a field must be refused naming it, a good value must change what the object means, and unknown fields beside it
 * must be refused.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MeshError } from '@palisade/mesh';
import { bases, goodValues, keyOf } from './testing/field-samples.ts';
import { readDefinitions, withoutDefinitions } from './testing/istio-definitions.ts';
import { legacySchemas } from './testing/legacy-schemas.ts';
import { type Field, fieldsOf, pathOf, type Schema, withValue } from './testing/schema-fields.ts';
import { checkResource, validatedGroups } from './validate.ts';

/** Taken and without effect, each for a reason. */
const withoutEffect: Readonly<Record<string, string>> = {
  'AuthorizationPolicy spec.provider.name': 'belongs to CUSTOM, which is refused',
  'Gateway spec.servers[0].name': 'a name for people',
  'Policy spec.principalBinding': 'request.auth.principal is the token’s under both',
  'MeshPolicy spec.principalBinding': 'the same',
};

interface Outcome {
  readonly form?: string;
  readonly refusal?: MeshError;
}

function judge(group: string, kind: string, spec: unknown): Outcome {
  try {
    const form = checkResource(
      { apiVersion: `${group}/v1`, kind, metadata: { name: 'default', namespace: 'shop' }, spec },
      'cluster.local',
    );
    return { form: JSON.stringify(form, (_, value) => (value instanceof Map ? [...(value as Map<unknown, unknown>)] : value)) };
  } catch (error) {
    if (error instanceof MeshError) return { refusal: error };
    throw error;
  }
}

/** By its path or a part of it, or because the whole that it belongs to is not served. What Istio knows is never called unknown. */
function isNamed({ refusal }: Outcome, path: string, isKnown: boolean): boolean {
  const within = (inner: string, outer: string) => inner === outer || (inner.startsWith(outer) && /^[.[]/.test(inner.slice(outer.length)));
  if (refusal === undefined) return false;
  if (/: .*not (?:yet )?supported/.test(refusal.message)) return within(path, refusal.field) || within(refusal.field, path);
  return within(refusal.field, path) && /unknown field/.test(refusal.message) !== isKnown;
}

function findProblems(group: string, kind: string, { steps, schema }: Field): string[] {
  const path = pathOf(steps);
  const owns = bases[kind]!;
  const tried = (value: unknown, at = steps) => owns.map((base) => judge(group, kind, withValue(base, at.slice(1), value)));
  const problems: string[] = [];
  const refusedByName = (what: string, outcomes: readonly Outcome[], name: string, isKnown: boolean) => {
    if (outcomes.some(({ refusal }) => refusal === undefined)) problems.push(`${name}: ${what} is taken`);
    else if (!outcomes.some((outcome) => isNamed(outcome, name, isKnown)))
      problems.push(`${name}: ${what} is refused as "${outcomes.map(({ refusal }) => refusal!.message).join('" and "')}"`);
  };
  refusedByName('nonsense', tried(schema.type === 'object' || schema.type === 'array' ? 'nonsense' : { nonsense: 1 }), path, true);
  if (schema.properties !== undefined) refusedByName('an unknown field', tried(1, [...steps, 'nonsense']), `${path}.nonsense`, false);
  if (['object', 'array'].includes(schema.type ?? '')) return problems;
  const isExcused = withoutEffect[`${kind} ${path}`] !== undefined;
  const meanings = goodValues(path, schema).flatMap((value) => {
    const outcomes = tried(value);
    if (!isExcused && outcomes.every(({ refusal }) => refusal) && !outcomes.some((outcome) => isNamed(outcome, path, true)))
      problems.push(`${path}: ${JSON.stringify(value)} is refused as "${outcomes.map(({ refusal }) => refusal!.message).join('" and "')}"`);
    return outcomes;
  });
  const known = new Set(owns.map((base) => judge(group, kind, base).form));
  const hasEffect = meanings.some((outcome) => isNamed(outcome, path, true) || (outcome.form !== undefined && !known.has(outcome.form)));
  if (hasEffect === isExcused) problems.push(`${path}: ${isExcused ? 'has an effect after all' : 'good values change nothing'}`);
  return problems;
}

function checkFields(group: string, kind: string, schema: Schema): void {
  for (const base of bases[kind]!)
    assert.match(judge(group, kind, base).refusal?.message ?? 'taken', /^taken$|not yet supported$/, JSON.stringify(base));
  const problems = [...fieldsOf(schema, ['spec'], keyOf)].flatMap((field) => findProblems(group, kind, field));
  assert.deepEqual(problems, []);
}

test('every field of every version of Istio’s kinds', { skip: withoutDefinitions }, async (t) => {
  const definitions = readDefinitions();
  assert.ok(definitions.length >= 15, `${definitions.length} kinds`);
  for (const { spec } of definitions) {
    for (const { name, schema } of spec.versions) {
      await t.test(`${spec.names.kind} ${name}`, () => {
        assert.ok(
          validatedGroups.some((group) => group === spec.group),
          `${spec.group} does not come to the webhook`,
        );
        const { kind } = spec.names;
        const own = schema.openAPIV3Schema.properties!['spec']!;
        if (bases[kind] !== undefined) checkFields(spec.group, kind, own);
        else
          assert.match(judge(spec.group, kind, {}).refusal!.message, new RegExp(`^kind: ${kind} of ${spec.group} is not yet supported$`));
      });
    }
  }
});

for (const [kind, [group, schema]] of Object.entries(legacySchemas)) {
  test(`every field of 1.1’s ${kind}`, () => checkFields(group, kind, schema));
}
