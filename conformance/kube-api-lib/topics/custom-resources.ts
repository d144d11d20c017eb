import type { Check, Topic } from '../topic.ts';

const merge = 'application/merge-patch+json';
const table = 'application/json;as=Table;g=meta.k8s.io;v=v1';
const version = (name: string, schema: object, more: object = {}) => ({
  name,
  served: true,
  storage: true,
  schema: { openAPIV3Schema: { type: 'object', ...schema } },
  ...more,
});
const definition = (plural: string, versions: readonly object[], more: object = {}) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${plural}.parity.example.com` },
  spec: {
    group: 'parity.example.com',
    scope: 'Namespaced',
    names: { plural, kind: plural[0]!.toUpperCase() + plural.slice(1, -1) },
    versions,
    ...more,
  },
});
const spec = (properties: object, more: object = {}) => ({ properties: { spec: { type: 'object', properties, ...more } } });

/** Definitions that are refused, each with one fault. */
const refused: readonly (readonly [name: string, body: object])[] = [
  ['no versions', definition('fauls', [])],
  ['no schema', definition('fauls', [{ name: 'v1', served: true, storage: true }])],
  ['schema without a type', definition('fauls', [version('v1', { type: undefined })])],
  ['schema of another type', definition('fauls', [version('v1', { type: 'array', items: { type: 'string' } })])],
  ['property without a type', definition('fauls', [version('v1', spec({ a: {} }))])],
  ['a type unknown', definition('fauls', [version('v1', spec({ a: { type: 'text' } }))])],
  ['items missing', definition('fauls', [version('v1', spec({ a: { type: 'array' } }))])],
  ['items that are a list', definition('fauls', [version('v1', spec({ a: { type: 'array', items: [{ type: 'string' }] } }))])],
  [
    'both properties and additionalProperties',
    definition('fauls', [
      version('v1', spec({ a: { type: 'object', properties: { b: { type: 'string' } }, additionalProperties: { type: 'string' } } })),
    ]),
  ],
  ['additionalProperties false', definition('fauls', [version('v1', spec({ a: { type: 'object', additionalProperties: false } }))])],
  ['uniqueItems', definition('fauls', [version('v1', spec({ a: { type: 'array', uniqueItems: true, items: { type: 'string' } } }))])],
  ['a $ref', definition('fauls', [version('v1', spec({ a: { $ref: '#/definitions/x' } }))])],
  ['a bad pattern', definition('fauls', [version('v1', spec({ a: { type: 'string', pattern: '(' } }))])],
  ['a default of a wrong type', definition('fauls', [version('v1', spec({ a: { type: 'string', default: 5 } }))])],
  ['a default that is not allowed', definition('fauls', [version('v1', spec({ a: { type: 'string', enum: ['x'], default: 'y' } }))])],
  [
    'a default with a field unknown',
    definition('fauls', [version('v1', spec({ a: { type: 'object', properties: {}, default: { b: 1 } } }))]),
  ],
  ['a type inside allOf', definition('fauls', [version('v1', spec({ a: { type: 'string', allOf: [{ type: 'string' }] } }))])],
  [
    'a property only in anyOf',
    definition('fauls', [version('v1', spec({ a: { type: 'object', anyOf: [{ properties: { b: { minLength: 1 } } }] } }))]),
  ],
  ['int-or-string with a type', definition('fauls', [version('v1', spec({ a: { 'x-kubernetes-int-or-string': true, type: 'string' } }))])],
  [
    'preserve-unknown-fields false',
    definition('fauls', [version('v1', spec({ a: { type: 'object', 'x-kubernetes-preserve-unknown-fields': false } }))]),
  ],
  [
    'embedded without its fields',
    definition('fauls', [version('v1', spec({ a: { type: 'object', 'x-kubernetes-embedded-resource': true } }))]),
  ],
  [
    'list keys missing',
    definition('fauls', [version('v1', spec({ a: { type: 'array', items: { type: 'object' }, 'x-kubernetes-list-type': 'map' } }))]),
  ],
  [
    'list keys unknown',
    definition('fauls', [
      version(
        'v1',
        spec({
          a: {
            type: 'array',
            items: { type: 'object', properties: { b: { type: 'string' } } },
            'x-kubernetes-list-type': 'map',
            'x-kubernetes-list-map-keys': ['c'],
          },
        }),
      ),
    ]),
  ],
  [
    'list key neither required nor defaulted',
    definition('fauls', [
      version(
        'v1',
        spec({
          a: {
            type: 'array',
            items: { type: 'object', properties: { b: { type: 'string' } } },
            'x-kubernetes-list-type': 'map',
            'x-kubernetes-list-map-keys': ['b'],
          },
        }),
      ),
    ]),
  ],
  [
    'list type unknown',
    definition('fauls', [version('v1', spec({ a: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'bag' } }))]),
  ],
  ['map type unknown', definition('fauls', [version('v1', spec({ a: { type: 'object', 'x-kubernetes-map-type': 'bag' } }))])],
  [
    'metadata restricted',
    definition('fauls', [version('v1', { properties: { metadata: { type: 'object', properties: { labels: { type: 'object' } } } } })]),
  ],
  ['two storage versions', definition('fauls', [version('v1', {}), version('v2', {})])],
  ['no storage version', definition('fauls', [version('v1', {}, { storage: false })])],
  ['the same version twice', definition('fauls', [version('v1', {}), version('v1', {}, { storage: false })])],
  ['a bad version name', definition('fauls', [version('V.1', {})])],
  ['a bad kind', definition('fauls', [version('v1', {})], { names: { plural: 'fauls', kind: 'faul_s' } })],
  ['a bad plural', { ...definition('fauls', [version('v1', {})]), metadata: { name: 'other.parity.example.com' } }],
  ['a bad group', definition('fauls', [version('v1', {})], { group: 'nodots' })],
  ['a scope unknown', definition('fauls', [version('v1', {})], { scope: 'World' })],
  [
    'a protected group',
    { ...definition('fauls', [version('v1', {})], { group: 'fauls.k8s.io' }), metadata: { name: 'fauls.fauls.k8s.io' } },
  ],
  ['preserveUnknownFields', definition('fauls', [version('v1', {})], { preserveUnknownFields: true })],
  ['a conversion without a webhook', definition('fauls', [version('v1', {})], { conversion: { strategy: 'Webhook' } })],
  ['a conversion unknown', definition('fauls', [version('v1', {})], { conversion: { strategy: 'Magic' } })],
  [
    'a printer column without a path',
    definition('fauls', [version('v1', {}, { additionalPrinterColumns: [{ name: 'x', type: 'string' }] })]),
  ],
  [
    'a printer column of a type unknown',
    definition('fauls', [version('v1', {}, { additionalPrinterColumns: [{ name: 'x', type: 'text', jsonPath: '.a' }] })]),
  ],
  [
    'a printer column with a bad path',
    definition('fauls', [version('v1', {}, { additionalPrinterColumns: [{ name: 'x', type: 'string', jsonPath: 'a' }] })]),
  ],
  ['scale without paths', definition('fauls', [version('v1', {}, { subresources: { scale: {} } })])],
  [
    'scale with a bad path',
    definition('fauls', [version('v1', {}, { subresources: { scale: { specReplicasPath: '.status.x', statusReplicasPath: '.spec.x' } } })]),
  ],
  ['status with something', definition('fauls', [version('v1', {}, { subresources: { status: 5 } })])],
  ['selectable field unknown', definition('fauls', [version('v1', {}, { selectableFields: [{ jsonPath: '.spec.none' }] })])],
  [
    'a rule that does not parse',
    definition('fauls', [version('v1', spec({ a: { type: 'string', 'x-kubernetes-validations': [{ rule: 'self ==' }] } }))]),
  ],
  [
    'a rule of a wrong type',
    definition('fauls', [version('v1', spec({ a: { type: 'string', 'x-kubernetes-validations': [{ rule: 'self' }] } }))]),
  ],
  [
    'a rule on a field unknown',
    definition('fauls', [version('v1', spec({ b: { type: 'string' } }, { 'x-kubernetes-validations': [{ rule: 'self.c == "x"' }] }))]),
  ],
  [
    'a rule that compares two types',
    definition('fauls', [version('v1', spec({ b: { type: 'string' } }, { 'x-kubernetes-validations': [{ rule: 'self.b > 5' }] }))]),
  ],
  [
    'a rule that calls what is not there',
    definition('fauls', [version('v1', spec({ b: { type: 'string' } }, { 'x-kubernetes-validations': [{ rule: 'self.b.shake()' }] }))]),
  ],
  [
    'a rule without text',
    definition('fauls', [version('v1', spec({ b: { type: 'string' } }, { 'x-kubernetes-validations': [{ rule: ' ' }] }))]),
  ],
  [
    'a rule that costs too much',
    definition('fauls', [
      version(
        'v1',
        spec(
          { b: { type: 'array', items: { type: 'string' } } },
          { 'x-kubernetes-validations': [{ rule: 'self.b.all(x, self.b.all(y, x == y))' }] },
        ),
      ),
    ]),
  ],
  [
    'a rule that looks back at a list',
    definition('fauls', [
      version('v1', spec({ b: { type: 'array', items: { type: 'string', 'x-kubernetes-validations': [{ rule: 'self == oldSelf' }] } } })),
    ]),
  ],
  [
    'a message of a wrong type',
    definition('fauls', [
      version('v1', spec({ b: { type: 'string', 'x-kubernetes-validations': [{ rule: 'self == "a"', messageExpression: '5' }] } })),
    ]),
  ],
  [
    'a reason unknown',
    definition('fauls', [
      version('v1', spec({ b: { type: 'string', 'x-kubernetes-validations': [{ rule: 'self == "a"', reason: 'Because' }] } })),
    ]),
  ],
  [
    'a message of two lines',
    definition('fauls', [
      version('v1', spec({ b: { type: 'string', 'x-kubernetes-validations': [{ rule: 'self == "a"', message: 'a\nb' }] } })),
    ]),
  ],
  [
    'a field path unknown',
    definition('fauls', [
      version('v1', spec({ b: { type: 'string' } }, { 'x-kubernetes-validations': [{ rule: 'self.b == "a"', fieldPath: '.c' }] })),
    ]),
  ],
];

const widgets = definition(
  'widgets',
  [
    version(
      'v1',
      {
        properties: {
          spec: {
            type: 'object',
            required: ['size'],
            properties: {
              size: { type: 'integer', minimum: 1, maximum: 10 },
              color: { type: 'string', enum: ['red', 'blue'], default: 'red' },
              name: { type: 'string', minLength: 2, maxLength: 5, pattern: '^[a-z]+$' },
              ratio: { type: 'number', exclusiveMinimum: true, minimum: 0, multipleOf: 0.5 },
              port: { 'x-kubernetes-int-or-string': true },
              tags: { type: 'array', maxItems: 3, minItems: 1, items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
              parts: {
                type: 'array',
                maxItems: 5,
                items: {
                  type: 'object',
                  required: ['id'],
                  properties: { id: { type: 'string', maxLength: 10 }, n: { type: 'integer', default: 1 } },
                },
                'x-kubernetes-list-type': 'map',
                'x-kubernetes-list-map-keys': ['id'],
              },
              labels: { type: 'object', maxProperties: 2, additionalProperties: { type: 'string' } },
              when: { type: 'string', format: 'date-time' },
              free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
              maybe: { type: 'string', nullable: true },
              either: {
                type: 'object',
                properties: { a: { type: 'string' }, b: { type: 'string' } },
                oneOf: [{ required: ['a'] }, { required: ['b'] }],
              },
              template: { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true },
              fixed: {
                type: 'string',
                maxLength: 20,
                'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'fixed may not change' }],
              },
              replicas: { type: 'integer' },
            },
            'x-kubernetes-validations': [
              {
                rule: '!has(self.name) || self.size < 9',
                message: 'named ones stay small',
                reason: 'FieldValueForbidden',
                fieldPath: '.size',
              },
              {
                rule: "!has(self.color) || self.color != 'blue' || self.size > 2",
                messageExpression: "self.size > 0 ? 'blue needs more than 2' : ''",
              },
              { rule: "!has(self.parts) || self.parts.all(p, p.id != 'bad')" },
            ],
          },
          status: {
            type: 'object',
            properties: { replicas: { type: 'integer' }, selector: { type: 'string' }, phase: { type: 'string' } },
          },
        },
      },
      {
        subresources: {
          status: {},
          scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas', labelSelectorPath: '.status.selector' },
        },
        additionalPrinterColumns: [
          { name: 'Size', type: 'integer', jsonPath: '.spec.size', description: 'how big' },
          { name: 'Color', type: 'string', jsonPath: '.spec.color', priority: 1 },
          { name: 'Ids', type: 'string', jsonPath: '.spec.parts[*].id' },
          { name: 'When', type: 'date', jsonPath: '.spec.when' },
          { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
        ],
        selectableFields: [{ jsonPath: '.spec.color' }],
      },
    ),
    version('v1beta1', { 'x-kubernetes-preserve-unknown-fields': true }, { storage: false, deprecated: true }),
    version('v1alpha1', { 'x-kubernetes-preserve-unknown-fields': true }, { storage: false, served: false }),
  ],
  { names: { plural: 'widgets', singular: 'widget', kind: 'Widget', shortNames: ['wd'], categories: ['toys'] } },
);

const path = '/apis/parity.example.com/v1/namespaces/$ns/widgets';
const widget = (name: string, spec: object, more: object = {}) => ({
  apiVersion: 'parity.example.com/v1',
  kind: 'Widget',
  metadata: { name },
  spec,
  ...more,
});
const invalid = (name: string, spec: object): Check => ({
  name: `refused: ${name}`,
  send: `POST ${path}?dryRun=All`,
  body: widget('x', spec),
});

/** CustomResourceDefinitions and what they define. */
export const customResources: Topic = {
  name: 'custom-resources',
  checks: [
    ...refused.map(([name, body]): Check => ({ name: `definition with ${name}`, send: 'POST $crds?dryRun=All', body })),
    {
      name: 'definition',
      send: 'POST $crds',
      body: widgets,
      only: ['spec', 'metadata.name', 'metadata.generation', 'metadata.finalizers'],
    },
    { name: 'kubectl waits for it', kubectl: 'wait --for=condition=Established crd/widgets.parity.example.com --timeout=10s' },
    { name: 'its status', send: 'GET $crds/widgets.parity.example.com', only: ['status'] },
    { name: 'definition again', send: 'POST $crds', body: widgets },
    { name: 'in discovery', send: 'GET /apis/parity.example.com/v1' },
    { name: 'its group', send: 'GET /apis/parity.example.com' },
    { name: 'a version that is not served', send: 'GET /apis/parity.example.com/v1alpha1/widgets' },
    {
      name: 'create',
      send: `POST ${path}`,
      body: widget('a', { size: 3, parts: [{ id: 'p' }, { id: 'q', n: 2 }], extra: 1, free: { any: { thing: 1 } } }),
    },
    {
      name: 'create strictly',
      send: `POST ${path}?fieldValidation=Strict`,
      body: widget('b', { size: 3, extra: 1, parts: [{ id: 'p', more: 1 }] }),
    },
    { name: 'create with warnings', send: `POST ${path}?fieldValidation=Warn&dryRun=All`, body: widget('b', { size: 3, extra: 1 }) },
    {
      name: 'create with keys twice',
      send: `POST ${path}?fieldValidation=Strict`,
      body: '{"apiVersion":"parity.example.com/v1","kind":"Widget","metadata":{"name":"c"},"spec":{"size":3,"size":4}}',
    },
    {
      name: 'create with an unknown metadata field',
      send: `POST ${path}?fieldValidation=Strict`,
      body: { apiVersion: 'parity.example.com/v1', kind: 'Widget', metadata: { name: 'c', foo: 1 }, spec: { size: 1 } },
    },
    {
      name: 'create of another kind',
      send: `POST ${path}`,
      body: { apiVersion: 'parity.example.com/v1', kind: 'Other', metadata: { name: 'c' } },
    },
    {
      name: 'create of another version',
      send: `POST ${path}`,
      body: { apiVersion: 'parity.example.com/v9', kind: 'Widget', metadata: { name: 'c' } },
    },
    { name: 'create without a kind', send: `POST ${path}`, body: { metadata: { name: 'c' }, spec: { size: 1 } } },
    { name: 'create as protobuf', send: `POST ${path}`, type: 'application/vnd.kubernetes.protobuf', body: 'k8s' },
    {
      name: 'create an embedded resource',
      send: `POST ${path}?dryRun=All`,
      body: widget('e', { size: 1, template: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x', foo: 'y' }, spec: { a: 1 } } }),
    },
    { name: 'create with null', send: `POST ${path}?dryRun=All`, body: widget('e', { size: 1, maybe: null, color: null }) },
    invalid('size missing', {}),
    invalid('too big', { size: 11 }),
    invalid('too small', { size: 0 }),
    invalid('not whole', { size: 1.5 }),
    invalid('text for a number', { size: '3' }),
    invalid('not in the list', { size: 1, color: 'green' }),
    invalid('too short', { size: 1, name: 'a' }),
    invalid('too long', { size: 1, name: 'abcdefg' }),
    invalid('pattern', { size: 1, name: 'AB' }),
    invalid('ratio zero', { size: 1, ratio: 0 }),
    invalid('ratio no multiple', { size: 1, ratio: 0.7 }),
    invalid('port that is a list', { size: 1, port: [] }),
    invalid('too many tags', { size: 1, tags: ['a', 'b', 'c', 'd'] }),
    invalid('no tags', { size: 1, tags: [] }),
    invalid('tags twice', { size: 1, tags: ['a', 'a'] }),
    invalid('parts twice', { size: 1, parts: [{ id: 'a' }, { id: 'a' }] }),
    invalid('part without id', { size: 1, parts: [{ n: 1 }] }),
    invalid('too many labels', { size: 1, labels: { a: '1', b: '2', c: '3' } }),
    invalid('label of a number', { size: 1, labels: { a: 1 } }),
    invalid('no time', { size: 1, when: 'yesterday' }),
    invalid('neither', { size: 1, either: {} }),
    invalid('both', { size: 1, either: { a: '1', b: '2' } }),
    invalid('embedded without a kind', { size: 1, template: { metadata: {} } }),
    invalid('rule with a field path', { size: 9, name: 'abc' }),
    invalid('rule with a made message', { size: 1, color: 'blue' }),
    invalid('rule without a message', { size: 1, parts: [{ id: 'bad' }] }),
    invalid('several faults', { size: 0, color: 'green', name: 'X', parts: [{}] }),
    { name: 'spec of a wrong type', send: `POST ${path}?dryRun=All`, body: widget('x', 'text' as unknown as object) },
    { name: 'bad name', send: `POST ${path}`, body: widget('Not A Name', { size: 1 }) },
    { name: 'set once', send: `PATCH ${path}/a`, type: merge, body: { spec: { fixed: 'x' } }, only: ['spec', 'metadata.generation'] },
    { name: 'and never changed', send: `PATCH ${path}/a`, type: merge, body: { spec: { fixed: 'y' } } },
    { name: 'strategic patch', send: `PATCH ${path}/a`, type: 'application/strategic-merge-patch+json', body: {} },
    {
      name: 'JSON patch',
      send: `PATCH ${path}/a`,
      type: 'application/json-patch+json',
      body: [{ op: 'replace', path: '/spec/size', value: 4 }],
      only: ['spec', 'metadata.generation'],
    },
    { name: 'merge patch strictly', send: `PATCH ${path}/a?fieldValidation=Strict`, type: merge, body: { spec: { extra: 1 } } },
    { name: 'merge patch that is invalid', send: `PATCH ${path}/a`, type: merge, body: { spec: { size: 99 } } },
    {
      name: 'apply',
      send: `PATCH ${path}/a?fieldManager=two`,
      type: 'application/apply-patch+yaml',
      body: widget('a', { parts: [{ id: 'r', n: 5 }], tags: ['x'] } as object),
    },
    {
      name: 'apply conflicts',
      send: `PATCH ${path}/a?fieldManager=three`,
      type: 'application/apply-patch+yaml',
      body: widget('a', { size: 7, parts: [{ id: 'r', n: 6 }] }),
    },
    {
      name: 'apply makes',
      send: `PATCH ${path}/made?fieldManager=two`,
      type: 'application/apply-patch+yaml',
      body: widget('made', { size: 1 }),
    },
    { name: 'replace', send: `PUT ${path}/a`, body: widget('a', { size: 5, fixed: 'x' }) },
    { name: 'replace without a version', send: `PUT ${path}/made`, body: widget('made', { size: 2 }), only: ['spec', 'code', 'message'] },
    {
      name: 'status',
      send: `PATCH ${path}/a/status`,
      type: merge,
      body: { spec: { size: 1 }, status: { replicas: 2, selector: 'a=b', phase: 'On' } },
    },
    { name: 'status that is invalid', send: `PATCH ${path}/a/status`, type: merge, body: { status: { replicas: 'x' } } },
    { name: 'scale', send: `GET ${path}/a/scale` },
    { name: 'scale patched', send: `PATCH ${path}/a/scale`, type: merge, body: { spec: { replicas: 4 } } },
    {
      name: 'scale replaced',
      send: `PUT ${path}/a/scale`,
      body: {
        apiVersion: 'autoscaling/v1',
        kind: 'Scale',
        metadata: { name: 'a', namespace: 't-custom-resources' },
        spec: { replicas: 6 },
      },
    },
    { name: 'after scaling', send: `GET ${path}/a` },
    { name: 'by a selectable field', send: `GET ${path}?fieldSelector=spec.color%3Dred`, only: ['items.length', 'kind'] },
    { name: 'by a field that is not', send: `GET ${path}?fieldSelector=spec.size%3D5` },
    { name: 'table', send: `GET ${path}`, accept: table },
    { name: 'list', send: `GET ${path}`, only: ['kind', 'apiVersion', 'items.0.kind', 'items.length'] },
    {
      name: 'in the old version',
      send: 'GET /apis/parity.example.com/v1beta1/namespaces/$ns/widgets/a',
      only: ['apiVersion', 'kind', 'spec'],
    },
    {
      name: 'made in the old version',
      send: 'POST /apis/parity.example.com/v1beta1/namespaces/$ns/widgets',
      body: { apiVersion: 'parity.example.com/v1beta1', kind: 'Widget', metadata: { name: 'old' }, spec: { size: 'any', extra: 1 } },
    },
    { name: 'and read in the new', send: `GET ${path}/old`, only: ['apiVersion', 'spec'] },
    { name: 'kubectl get', kubectl: 'get wd' },
    { name: 'kubectl get wide', kubectl: 'get widgets -o wide' },
    { name: 'kubectl get by category', kubectl: 'get toys -o name' },
    { name: 'kubectl explain', kubectl: 'explain widget.spec.parts' },
    { name: 'kubectl describe', kubectl: 'describe widget a' },
    {
      name: 'kubectl apply',
      kubectl: 'apply -f -',
      stdin: '{apiVersion: parity.example.com/v1, kind: Widget, metadata: {name: k}, spec: {size: 2}}',
    },
    {
      name: 'kubectl apply changes',
      kubectl: 'apply -f -',
      stdin: '{apiVersion: parity.example.com/v1, kind: Widget, metadata: {name: k}, spec: {size: 3}}',
    },
    {
      name: 'kubectl apply a wrong field',
      kubectl: 'apply -f -',
      stdin: '{apiVersion: parity.example.com/v1, kind: Widget, metadata: {name: k}, spec: {size: 3, sice: 4}}',
    },
    { name: 'kubectl scale', kubectl: 'scale widget a --replicas=3' },
    { name: 'kubectl delete', kubectl: 'delete widget k' },
    {
      name: 'definition loses its storage version',
      send: 'PATCH $crds/widgets.parity.example.com',
      type: 'application/json-patch+json',
      body: [{ op: 'remove', path: '/spec/versions/0' }],
    },
    {
      name: 'definition changes its scope',
      send: 'PATCH $crds/widgets.parity.example.com',
      type: merge,
      body: { spec: { scope: 'Cluster' } },
    },
    {
      name: 'definition changes its group',
      send: 'PATCH $crds/widgets.parity.example.com',
      type: merge,
      body: { spec: { group: 'other.example.com' } },
    },
    {
      name: 'a definition of taken names',
      send: 'POST $crds',
      body: { ...definition('gadgets', [version('v1', {})], { names: { plural: 'gadgets', kind: 'Widget', shortNames: ['wd'] } }) },
      only: ['metadata.name'],
    },
    { name: 'is not accepted', kubectl: 'wait --for=condition=NamesAccepted=False crd/gadgets.parity.example.com --timeout=5s' },
    { name: 'and says why', send: 'GET $crds/gadgets.parity.example.com', only: ['status'] },
    {
      name: 'a cluster-wide definition',
      send: 'POST $crds',
      body: definition('worlds', [version('v1', { 'x-kubernetes-preserve-unknown-fields': true })], { scope: 'Cluster' }),
      only: ['metadata.name'],
    },
    { name: 'is established', kubectl: 'wait --for=condition=Established crd/worlds.parity.example.com --timeout=10s' },
    {
      name: 'an object of it',
      send: 'POST /apis/parity.example.com/v1/worlds',
      body: { apiVersion: 'parity.example.com/v1', kind: 'World', metadata: { name: 'w', namespace: 'x' }, a: 1 },
    },
    {
      name: 'an object of it without a namespace',
      send: 'POST /apis/parity.example.com/v1/worlds',
      body: { apiVersion: 'parity.example.com/v1', kind: 'World', metadata: { name: 'w' }, a: 1 },
    },
    {
      name: 'an object of it in a namespace',
      send: 'POST /apis/parity.example.com/v1/namespaces/$ns/worlds',
      body: { apiVersion: 'parity.example.com/v1', kind: 'World', metadata: { name: 'w2' } },
    },
    { name: 'definition is deleted', send: 'DELETE $crds/worlds.parity.example.com', only: ['kind', 'status', 'details.name'] },
    { name: 'kubectl waits until it is gone', kubectl: 'wait --for=delete crd/worlds.parity.example.com --timeout=15s' },
    { name: 'its objects went', send: 'GET /apis/parity.example.com/v1/worlds' },
  ],
};
