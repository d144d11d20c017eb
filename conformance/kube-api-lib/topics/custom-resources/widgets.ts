import { definition, version } from './samples.ts';

/** A definition with every kind of rule, and objects of it. */
export const widgets = definition(
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

export const widgetsPath = '/apis/parity.example.com/v1/namespaces/$ns/widgets';
export const widget = (name: string, spec: object, more: object = {}) => ({
  apiVersion: 'parity.example.com/v1',
  kind: 'Widget',
  metadata: { name },
  spec,
  ...more,
});
