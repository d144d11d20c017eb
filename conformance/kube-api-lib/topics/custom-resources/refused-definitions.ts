import { definition, spec, version } from './samples.ts';

/** Definitions that are refused, each with one fault. */
export const refused: readonly (readonly [name: string, body: object])[] = [
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
