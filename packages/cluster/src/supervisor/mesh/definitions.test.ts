import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { meshDefinitions } from './definitions.ts';
import type { Schema } from './schemas/words.ts';

interface Version {
  readonly name: string;
  readonly storage: boolean;
  readonly schema: { readonly openAPIV3Schema: Schema & { readonly properties: Readonly<Record<string, Schema>> } };
}

const folder = process.env['CONFORMANCE_DIR'] ?? new URL('../../../../../../shared/conformance', import.meta.url).pathname;
const istioFile = join(folder, 'istio/crds/crd-all.gen.yaml');

const isSchema = (value: unknown): value is Schema => typeof value === 'object' && value !== null;

/** Every schema within one, by path: fields by name, elements as `[]`, values of a map as `{}`. */
function* fieldsOf(schema: Schema, path: string): Generator<[string, Schema]> {
  yield [path, schema];
  for (const [name, field] of Object.entries((schema['properties'] ?? {}) as Readonly<Record<string, Schema>>))
    yield* fieldsOf(field, `${path}.${name}`);
  if (isSchema(schema['items'])) yield* fieldsOf(schema['items'], `${path}[]`);
  if (isSchema(schema['additionalProperties'])) yield* fieldsOf(schema['additionalProperties'], `${path}{}`);
}

/** What has to be the same for one and the same manifest to be taken by both. */
const essence = ({ type, enum: values, required, nullable, ...rest }: Schema): string =>
  JSON.stringify({
    type,
    values,
    required: [...((required as string[] | undefined) ?? [])].sort(),
    isNullable: nullable === true,
    isOpen: rest['x-kubernetes-preserve-unknown-fields'] === true,
  });

const ours = new Map(
  meshDefinitions().map((definition) => {
    const { names, versions } = definition['spec'] as { names: { kind: string }; versions: Version[] };
    return [names.kind, versions] as const;
  }),
);
const specOf = (versions: readonly Version[]) => versions.find(({ storage }) => storage)!.schema.openAPIV3Schema.properties['spec']!;

describe('the definitions of Istio’s kinds', () => {
  it('say of every field what it is for', () => {
    const silent = [...ours].flatMap(([kind, versions]) =>
      [...fieldsOf(specOf(versions), kind)].filter(([path, { description }]) => !/[\]}]$/.test(path) && !description).map(([path]) => path),
    );
    assert.deepEqual(silent, []);
  });

  it('have Istio’s fields, types, choices and versions', {
    skip: existsSync(istioFile) ? false : `no ${istioFile}: CONFORMANCE_DIR names the folder of the conformance data`,
  }, () => {
    const theirs = parseAllDocuments(readFileSync(istioFile, 'utf8'))
      .map((document) => document.toJS() as { spec: { names: { kind: string }; versions: Version[] } } | null)
      .filter((document) => document !== null);
    assert.equal(theirs.length, 15);
    for (const { spec } of theirs) {
      const { kind } = spec.names;
      const versions = ours.get(kind)!;
      const stored = (list: readonly Version[]) => list.map(({ name, storage }) => `${name} ${storage}`).sort();
      assert.deepEqual(stored(versions), stored(spec.versions), kind);
      const essences = (list: readonly Version[]) =>
        Object.fromEntries([...fieldsOf(specOf(list), kind)].map(([path, schema]) => [path, essence(schema)]).sort());
      assert.deepEqual(essences(versions), essences(spec.versions));
    }
  });
});
