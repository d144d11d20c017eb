import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { KubernetesObject } from '@palisade/kubernetes';
import { createApiServer, SYSTEM_USER } from '../../api-server.ts';
import { type Harness, startHarness } from '../../testing/harness.ts';
import { evaluateJsonPath, parseJsonPath } from './json-path.ts';
import { fillDefaults, type JsonSchema, prune } from './schema.ts';
import { checkValue } from './validate-schema.ts';

const harness: Harness = await startHarness();
after(() => harness[Symbol.asyncDispose]());
const { client, fetch } = harness;

const DEFINITION = { group: 'apiextensions.k8s.io', version: 'v1', resource: 'customresourcedefinitions' };
const WIDGETS = { group: 'example.com', version: 'v1', resource: 'widgets' };
const PATH = '/apis/example.com/v1/namespaces/default/widgets';

const schema: JsonSchema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      required: ['size'],
      properties: {
        size: { type: 'integer', minimum: 1 },
        colour: { type: 'string', enum: ['red', 'blue'], default: 'red' },
        parts: {
          type: 'array',
          maxItems: 2,
          items: {
            type: 'object',
            properties: {
              name: { type: 'string', pattern: '^[a-z]+$' },
              kept: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
            },
          },
        },
        limits: { type: 'object', additionalProperties: { 'x-kubernetes-int-or-string': true } },
      },
    },
    status: { type: 'object', properties: { ready: { type: 'integer' } } },
  },
};

function definition(versions = ['v1', 'v1beta1']): KubernetesObject {
  const openAPIV3Schema = schema;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'widgets.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'widgets', kind: 'Widget', shortNames: ['wd'] },
      versions: versions.map((name, i) => ({
        name,
        served: true,
        storage: i === 0,
        schema: { openAPIV3Schema },
        subresources: { status: {}, scale: { specReplicasPath: '.spec.size', statusReplicasPath: '.status.ready' } },
        additionalPrinterColumns: [{ name: 'Size', type: 'integer', jsonPath: '.spec.size' }],
      })),
    },
  };
}

const widget = (name: string, spec: object, apiVersion = 'example.com/v1') => ({
  apiVersion,
  kind: 'Widget',
  metadata: { name, namespace: 'default' },
  spec,
});

test('a definition is served the moment it is stored, and not before or after', async () => {
  assert.equal((await fetch('GET', PATH)).code, 404);
  const made = await client.create(DEFINITION, definition());
  assert.deepEqual([made['status'].conditions, made['status'].acceptedNames], [null, { plural: '', kind: '' }]);
  const settled = await client.get(DEFINITION, { name: 'widgets.example.com' });
  assert.deepEqual(
    settled['status'].conditions.map((one: { type: string; status: string }) => [one.type, one.status]),
    [
      ['NamesAccepted', 'True'],
      ['Established', 'True'],
    ],
  );
  assert.deepEqual(made['status'].storedVersions, ['v1']);
  const created = await fetch('POST', PATH, { body: widget('a', { size: 3 }) });
  assert.deepEqual([created.code, created.json.spec, created.json.metadata.generation], [201, { size: 3, colour: 'red' }, 1]);
  const table = await fetch('GET', PATH, { headers: { Accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } });
  assert.deepEqual(
    [table.json.columnDefinitions.map((column: { name: string }) => column.name), table.json.rows[0].cells],
    [
      ['Name', 'Size'],
      ['a', 3],
    ],
  );
});

test('every served version shows the same object in its own version', async () => {
  const beta = await fetch('GET', '/apis/example.com/v1beta1/namespaces/default/widgets/a');
  assert.equal(beta.json.apiVersion, 'example.com/v1beta1');
  await client.create({ ...WIDGETS, version: 'v1beta1' }, widget('b', { size: 1 }, 'example.com/v1beta1'));
  const both = (await fetch('GET', PATH)).json.items;
  assert.deepEqual(
    both.map((one: KubernetesObject) => [one.metadata.name, one.apiVersion]),
    [
      ['a', 'example.com/v1'],
      ['b', 'example.com/v1'],
    ],
  );
});

test('status and scale are written apart', async () => {
  const status = await client.patch(
    WIDGETS,
    { namespace: 'default', name: 'a' },
    'application/merge-patch+json',
    { status: { ready: 2 }, spec: { size: 9 } },
    { subresource: 'status' },
  );
  assert.deepEqual([status['spec'].size, status['status'], status.metadata.generation], [3, { ready: 2 }, 1]);
  const scaled = await client.patch(
    WIDGETS,
    { namespace: 'default', name: 'a' },
    'application/merge-patch+json',
    { spec: { replicas: 7 } },
    { subresource: 'scale' },
  );
  assert.deepEqual([scaled['spec'], scaled['status']], [{ replicas: 7 }, { replicas: 2 }]);
  assert.equal((await client.get(WIDGETS, { namespace: 'default', name: 'a' }))['spec'].size, 7);
});

test('what the schema refuses, field by field', async () => {
  const cases: [spec: object, causes: [reason: string, field: string, message: RegExp][]][] = [
    [{}, [['FieldValueRequired', 'spec.size', /^Required value$/]]],
    [{ size: 0 }, [['FieldValueInvalid', 'spec.size', /^Invalid value: 0: spec\.size in body should be greater than or equal to 1$/]]],
    [
      { size: 'x', colour: 'green' },
      [
        ['FieldValueTypeInvalid', 'spec.size', /^Invalid value: "string": spec\.size in body must be of type integer: "string"$/],
        ['FieldValueNotSupported', 'spec.colour', /^Unsupported value: "green": supported values: "red", "blue"$/],
        ['FieldValueInvalid', '.spec.size', /^Invalid value: 0: \.spec\.size accessor error: x is of the type string, expected int64$/],
      ],
    ],
    [{ size: 1, parts: [{ name: 'A' }] }, [['FieldValueInvalid', 'spec.parts[0].name', /should match '\^\[a-z\]\+\$'/]]],
    [{ size: 1, parts: [{}, {}, {}] }, [['FieldValueTooMany', 'spec.parts', /^Too many: 3: must have at most 2 items$/]]],
    [{ size: 1, limits: { cpu: 1, memory: '1Gi', bad: 1.5 } }, [['FieldValueTypeInvalid', 'spec.limits.bad', /integer,string/]]],
    [{ size: null }, [['FieldValueRequired', 'spec.size', /^Required value$/]]],
  ]; // prettier-ignore
  for (const [spec, wanted] of cases) {
    const answer = await fetch('POST', PATH, { body: widget('bad', spec) });
    assert.equal(answer.code, 422, JSON.stringify(spec));
    const causes: { reason: string; field: string; message: string }[] = answer.json.details.causes;
    assert.deepEqual(
      causes.map(({ reason, field }) => [reason, field]),
      wanted.map(([reason, field]) => [reason, field]),
      JSON.stringify(spec),
    );
    for (const [i, [, , message]] of wanted.entries()) assert.match(causes[i]!.message, message);
  }
  const strict = await fetch('POST', `${PATH}?fieldValidation=Strict`, {
    body: widget('bad', { size: 1, foo: 1, parts: [{ kept: { any: 1 }, bar: 2 }] }),
  });
  assert.equal(
    strict.json.message,
    'Widget in version "v1" cannot be handled as a Widget: strict decoding error: unknown field "spec.foo", unknown field "spec.parts[0].bar"',
  );
  const name = await fetch('POST', PATH, { body: widget('Not_A_Name', { size: 1 }) });
  assert.equal(name.json.details.causes[0].field, 'metadata.name');
  const strategic = await fetch('PATCH', `${PATH}/a`, { body: {}, headers: { 'Content-Type': 'application/strategic-merge-patch+json' } });
  assert.equal(strategic.code, 415);
});

test('definitions and objects are there after a restart; deleting the definition empties it first', async () => {
  const held = widget('held', { size: 1 }) as KubernetesObject;
  held.metadata.finalizers = ['example.com/hold'];
  await client.create(WIDGETS, held);
  await client.delete(DEFINITION, { name: 'widgets.example.com' });
  const going = await client.get(DEFINITION, { name: 'widgets.example.com' });
  assert.deepEqual(going.metadata.finalizers, ['customresourcecleanup.apiextensions.k8s.io']);
  assert.equal((await fetch('POST', PATH, { body: widget('late', { size: 1 }) })).code, 405);
  await harness.server.close();
  const again = await createApiServer({ stateDir: `${harness.directory}/state`, clock: () => new Date() });
  try {
    const next = again.localClient(SYSTEM_USER);
    const gone = (async () => {
      for await (const event of next.watch(DEFINITION)) if (event.type === 'DELETED') return;
    })();
    assert.deepEqual(
      (await next.list(WIDGETS)).items.map((one) => one.metadata.name),
      ['held'],
    );
    await next.patch(WIDGETS, { namespace: 'default', name: 'held' }, 'application/merge-patch+json', { metadata: { finalizers: null } });
    await gone;
    await assert.rejects(next.list(WIDGETS), /could not find the requested resource/);
  } finally {
    await again.close();
  }
});

test('schemas alone: pruning, defaults, combinations', () => {
  const fields: string[] = [];
  const value = { spec: { size: 1, x: 1, parts: [{ kept: { a: { b: 1 } }, y: 2 }], limits: { any: 1 } }, z: 1 };
  prune(schema, value, '', true, (field) => fields.push(field));
  assert.deepEqual([fields, value.spec.parts[0]], [['spec.x', 'spec.parts[0].y', 'z'], { kept: { a: { b: 1 } } }]);
  const nullable: JsonSchema = {
    type: 'object',
    properties: { a: { type: 'string', default: 'd' }, b: { type: 'string', nullable: true, default: 'd' } },
  };
  const defaulted = { a: null, b: null };
  fillDefaults(nullable, defaulted);
  assert.deepEqual(defaulted, { a: 'd', b: null });
  const one: JsonSchema = { type: 'object', oneOf: [{ required: ['a'] }, { required: ['b'] }] };
  const reasons = (target: JsonSchema, candidate: unknown) => checkValue(target, candidate, 'x').map((cause) => cause.message);
  assert.deepEqual(reasons(one, { a: 1 }), []);
  assert.match(reasons(one, {})[0] ?? '', /one and only one schema \(oneOf\)\. Found none valid/);
  assert.match(reasons(one, { a: 1, b: 2 })[0] ?? '', /Found 2 valid alternatives/);
  assert.match(reasons({ not: { type: 'string' } }, 'x')[0] ?? '', /must not validate the schema \(not\)/);
});

test('printer paths', () => {
  const object = {
    spec: { 'a.b': 1, hosts: ['x', 'y'] },
    status: {
      conditions: [
        { type: 'Ready', status: 'True' },
        { type: 'Other', status: 'False' },
      ],
    },
  };
  const cases: [path: string, values: unknown[]][] = [
    ['.spec.hosts', [['x', 'y']]],
    ['.spec.hosts[*]', ['x', 'y']],
    ['.spec.hosts[0]', ['x']],
    ['.spec.hosts[-1]', ['y']],
    ['.spec.a\\.b', [1]],
    [".spec['a.b']", [1]],
    ['.status.conditions[?(@.type=="Ready")].status', ['True']],
    ['.nosuch.x', []],
  ];
  for (const [path, values] of cases) assert.deepEqual(evaluateJsonPath(parseJsonPath(path) ?? assert.fail(path), object), values, path);
  for (const bad of ['spec', '.a[', '.a[?(@.b)]', '{.a}']) assert.equal(parseJsonPath(bad), undefined, bad);
});
