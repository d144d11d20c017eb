import type { Topic } from '../topic.ts';
import { fieldValidationChecks } from './patches/field-validation.ts';
import { deployment } from './patches/samples.ts';
import { subresourceChecks } from './patches/subresources.ts';

const merge = 'application/merge-patch+json';
const strategic = 'application/strategic-merge-patch+json';
const json = 'application/json-patch+json';

const template = (spec: object) => ({ spec: { template: { spec } } });
const containers = ['spec.template.spec.containers', 'metadata.generation', 'message', 'reason', 'details'];

/** The three kinds of patch, field validation, dry runs, scale and status. */
export const patches: Topic = {
  name: 'patches',
  checks: [
    { name: 'make', send: 'POST $apps/deployments', body: deployment('d') },
    { name: 'merge', send: 'PATCH $apps/deployments/d', type: merge, body: { metadata: { labels: { a: 'b' } }, spec: { replicas: 2 } } },
    {
      name: 'merge removes',
      send: 'PATCH $apps/deployments/d',
      type: merge,
      body: { metadata: { labels: { a: null } } },
      only: ['metadata.labels', 'metadata.generation'],
    },
    {
      name: 'merge replaces lists',
      send: 'PATCH $apps/deployments/d?dryRun=All',
      type: merge,
      body: template({ containers: [{ name: 'c', image: 'c' }] }),
      only: containers,
    },
    { name: 'merge with an unknown field', send: 'PATCH $apps/deployments/d', type: merge, body: { spec: { foo: 1 } } },
    {
      name: 'merge with an unknown field, strictly',
      send: 'PATCH $apps/deployments/d?fieldValidation=Strict',
      type: merge,
      body: { spec: { foo: 1, bar: 2 } },
    },
    {
      name: 'merge with an unknown field, not looked at',
      send: 'PATCH $apps/deployments/d?fieldValidation=Ignore',
      type: merge,
      body: { spec: { foo: 1 } },
      only: ['spec.foo'],
    },
    { name: 'merge with a wrong type', send: 'PATCH $apps/deployments/d', type: merge, body: { spec: { replicas: 'x' } } },
    { name: 'merge with a list', send: 'PATCH $apps/deployments/d', type: merge, body: [] },
    { name: 'merge with text', send: 'PATCH $apps/deployments/d', type: merge, body: '{' },
    { name: 'merge of another name', send: 'PATCH $apps/deployments/d', type: merge, body: { metadata: { name: 'other' } } },
    { name: 'merge of another namespace', send: 'PATCH $apps/deployments/d', type: merge, body: { metadata: { namespace: 'other' } } },
    { name: 'merge of another kind', send: 'PATCH $apps/deployments/d', type: merge, body: { kind: 'Other' } },
    { name: 'merge of another version', send: 'PATCH $apps/deployments/d', type: merge, body: { apiVersion: 'apps/v9' } },
    { name: 'merge at an old version', send: 'PATCH $apps/deployments/d', type: merge, body: { metadata: { resourceVersion: '1' } } },
    { name: 'merge of another uid', send: 'PATCH $apps/deployments/d', type: merge, body: { metadata: { uid: 'x' } } },
    { name: 'merge removes the selector', send: 'PATCH $apps/deployments/d', type: merge, body: { spec: { selector: null } } },
    {
      name: 'merge changes the selector',
      send: 'PATCH $apps/deployments/d',
      type: merge,
      body: { spec: { selector: { matchLabels: { app: 'x' } } } },
    },
    { name: 'merge of what is not there', send: 'PATCH $apps/deployments/none', type: merge, body: {} },
    {
      name: 'strategic',
      send: 'PATCH $apps/deployments/d',
      type: strategic,
      body: template({ containers: [{ name: 'b', image: 'b:2' }] }),
      only: containers,
    },
    {
      name: 'strategic adds',
      send: 'PATCH $apps/deployments/d',
      type: strategic,
      body: template({ containers: [{ name: 'c', image: 'c:1' }] }),
      only: containers,
    },
    {
      name: 'strategic deletes',
      send: 'PATCH $apps/deployments/d',
      type: strategic,
      body: template({ containers: [{ name: 'c', $patch: 'delete' }] }),
      only: containers,
    },
    {
      name: 'strategic replaces',
      send: 'PATCH $apps/deployments/d?dryRun=All',
      type: strategic,
      body: template({ containers: [{ $patch: 'replace' }, { name: 'z', image: 'z' }] }),
      only: containers,
    },
    {
      name: 'strategic orders',
      send: 'PATCH $apps/deployments/d?dryRun=All',
      type: strategic,
      body: template({ '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }] }),
      only: containers,
    },
    {
      name: 'strategic retains keys',
      send: 'PATCH $apps/deployments/d?dryRun=All',
      type: strategic,
      body: { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } },
      only: ['spec.strategy'],
    },
    {
      name: 'strategic recreate without it',
      send: 'PATCH $apps/deployments/d?dryRun=All',
      type: strategic,
      body: { spec: { strategy: { type: 'Recreate' } } },
    },
    {
      name: 'strategic env',
      send: 'PATCH $apps/deployments/d?dryRun=All',
      type: strategic,
      body: template({
        containers: [
          {
            name: 'a',
            env: [
              { name: 'X', value: '9' },
              { name: 'Z', value: '3' },
            ],
          },
        ],
      }),
      only: containers,
    },
    {
      name: 'strategic from primitive list',
      send: 'PATCH $apps/deployments/d?dryRun=All',
      type: strategic,
      body: { metadata: { '$deleteFromPrimitiveList/finalizers': ['example.com/x'], finalizers: ['example.com/y'] } },
      only: ['metadata.finalizers'],
    },
    {
      name: 'strategic without a key',
      send: 'PATCH $apps/deployments/d',
      type: strategic,
      body: template({ containers: [{ image: 'x' }] }),
    },
    { name: 'strategic with a directive unknown', send: 'PATCH $apps/deployments/d', type: strategic, body: { spec: { $patch: 'shake' } } },
    {
      name: 'strategic with an unknown field',
      send: 'PATCH $apps/deployments/d?fieldValidation=Strict',
      type: strategic,
      body: { spec: { foo: 1 } },
    },
    { name: 'strategic with a wrong type', send: 'PATCH $apps/deployments/d', type: strategic, body: { spec: { replicas: 'x' } } },
    { name: 'strategic with a list for a map', send: 'PATCH $apps/deployments/d', type: strategic, body: { spec: { template: [] } } },
    { name: 'strategic with text', send: 'PATCH $apps/deployments/d', type: strategic, body: 'nonsense' },
    {
      name: 'JSON',
      send: 'PATCH $apps/deployments/d',
      type: json,
      body: [
        { op: 'replace', path: '/spec/replicas', value: 3 },
        { op: 'add', path: '/metadata/labels', value: { j: '1' } },
      ],
      only: ['spec.replicas', 'metadata.labels', 'metadata.generation'],
    },
    {
      name: 'JSON test',
      send: 'PATCH $apps/deployments/d',
      type: json,
      body: [{ op: 'test', path: '/spec/replicas', value: 3 }],
      only: ['spec.replicas'],
    },
    { name: 'JSON test fails', send: 'PATCH $apps/deployments/d', type: json, body: [{ op: 'test', path: '/spec/replicas', value: 4 }] },
    {
      name: 'JSON moves and copies',
      send: 'PATCH $apps/deployments/d',
      type: json,
      body: [
        { op: 'copy', from: '/metadata/labels/j', path: '/metadata/labels/k' },
        { op: 'move', from: '/metadata/labels/j', path: '/metadata/labels/l' },
      ],
      only: ['metadata.labels'],
    },
    {
      name: 'JSON appends',
      send: 'PATCH $apps/deployments/d?dryRun=All',
      type: json,
      body: [{ op: 'add', path: '/spec/template/spec/containers/-', value: { name: 'n', image: 'n' } }],
      only: containers,
    },
    {
      name: 'JSON beyond the end',
      send: 'PATCH $apps/deployments/d',
      type: json,
      body: [{ op: 'add', path: '/spec/template/spec/containers/9', value: {} }],
    },
    { name: 'JSON of what is not there', send: 'PATCH $apps/deployments/d', type: json, body: [{ op: 'remove', path: '/spec/nothing' }] },
    {
      name: 'JSON replaces what is not there',
      send: 'PATCH $apps/deployments/d',
      type: json,
      body: [{ op: 'replace', path: '/spec/nothing', value: 1 }],
    },
    { name: 'JSON with an operation unknown', send: 'PATCH $apps/deployments/d', type: json, body: [{ op: 'shake', path: '/spec' }] },
    { name: 'JSON that is an object', send: 'PATCH $apps/deployments/d', type: json, body: { spec: {} } },
    {
      name: 'JSON with an unknown field',
      send: 'PATCH $apps/deployments/d?fieldValidation=Strict',
      type: json,
      body: [{ op: 'add', path: '/spec/foo', value: 1 }],
    },
    { name: 'JSON with text', send: 'PATCH $apps/deployments/d', type: json, body: 'nonsense' },
    { name: 'a patch without a type', send: 'PATCH $apps/deployments/d', type: 'application/json', body: {} },
    { name: 'a patch in YAML', send: 'PATCH $apps/deployments/d', type: 'application/yaml', body: 'a: b' },
    { name: 'a patch of the collection', send: 'PATCH $apps/deployments', type: merge, body: {} },
    { name: 'force on a merge', send: 'PATCH $apps/deployments/d?force=true', type: merge, body: {} },
    ...subresourceChecks,
    ...fieldValidationChecks,
  ],
};
