import type { GroupVersionKind } from '../object.ts';
import { formatApiVersion, type ResourceInfo, type SchemaRegistry } from '../schema/registry.ts';
import type { OpenApiValue } from './schemas.ts';

/**
 * Paths and operations of one group version. kubectl reads from them which server validates (a PATCH with the query parameter
 * `fieldValidation`), which patch types are taken, and which schema `explain` starts from.
 */

const query = (type: string, ...names: string[]): OpenApiValue[] =>
  names.map((name) => ({ name, in: 'query', schema: { type, uniqueItems: true } }));
const pathParameter = (name: string): OpenApiValue => ({ name, in: 'path', required: true, schema: { type: 'string', uniqueItems: true } });

const writeParameters = query('string', 'dryRun', 'fieldManager', 'fieldValidation');
const patchParameters = [...writeParameters, ...query('boolean', 'force')];
const deleteParameters = [
  ...query('string', 'dryRun'),
  ...query('integer', 'gracePeriodSeconds'),
  ...query('boolean', 'orphanDependents'),
  ...query('string', 'propagationPolicy'),
];
const listParameters = [
  ...query('boolean', 'allowWatchBookmarks'),
  ...query('string', 'continue', 'fieldSelector', 'labelSelector'),
  ...query('integer', 'limit'),
  ...query('string', 'resourceVersion', 'resourceVersionMatch'),
  ...query('boolean', 'sendInitialEvents'),
  ...query('integer', 'timeoutSeconds'),
  ...query('boolean', 'watch'),
];

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1.';

/** Patch types of built-in kinds; custom resources have no strategic merge. */
const patchTypes = [
  'application/apply-patch+yaml',
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
];

export interface RenderedPaths {
  readonly paths: Record<string, OpenApiValue>;
  /** Definitions the operations refer to. */
  readonly definitions: ReadonlySet<string>;
}

class PathWriter {
  readonly paths: Record<string, OpenApiValue> = {};
  readonly definitions = new Set<string>();
  readonly #registry: SchemaRegistry;

  constructor(registry: SchemaRegistry) {
    this.#registry = registry;
  }

  #schema(name: string | undefined): OpenApiValue {
    if (name === undefined) return { type: 'string' };
    this.definitions.add(name);
    return { $ref: `#/components/schemas/${name}` };
  }

  nameOf(kind: GroupVersionKind): string | undefined {
    return this.#registry.schemaFor(kind)?.name;
  }

  operation(
    action: string,
    kind: GroupVersionKind,
    id: string,
    answer: string | undefined,
    parameters: OpenApiValue[],
    body?: OpenApiValue,
  ): OpenApiValue {
    const media = answer === undefined ? ['*/*'] : ['application/json', 'application/yaml'];
    const content = Object.fromEntries(media.map((m) => [m, { schema: this.#schema(answer) }]));
    return {
      tags: [id],
      operationId: `${action}_${id}`,
      ...(parameters.length > 0 ? { parameters } : {}),
      ...(body ? { requestBody: body } : {}),
      responses: { '200': { description: 'OK', content }, '401': { description: 'Unauthorized' } },
      'x-kubernetes-action': action,
      'x-kubernetes-group-version-kind': { group: kind.group, kind: kind.kind, version: kind.version },
    };
  }

  body(definition: string | undefined, types: readonly string[] = ['*/*']): OpenApiValue {
    return { content: Object.fromEntries(types.map((t) => [t, { schema: this.#schema(definition) }])), required: true };
  }

  /** Operations on one object, the resource itself or a subresource of it. */
  item(verbs: readonly string[], kind: GroupVersionKind, id: string): OpenApiValue {
    const name = this.nameOf(kind);
    const connects = name === undefined;
    const operations: [verb: string, method: string, build: () => OpenApiValue][] = [
      ['get', 'get', () => this.operation(connects ? 'connect' : 'get', kind, id, name, [])],
      ['update', 'put', () => this.operation('put', kind, id, name, writeParameters, this.body(name))],
      [
        'create',
        'post',
        () =>
          this.operation(
            connects ? 'connect' : 'post',
            kind,
            id,
            name,
            connects ? [] : writeParameters,
            connects ? undefined : this.body(name),
          ),
      ],
      [
        'delete',
        'delete',
        () =>
          this.operation('delete', kind, id, connects ? undefined : `${meta}Status`, deleteParameters, this.body(`${meta}DeleteOptions`)),
      ],
      ['patch', 'patch', () => this.operation('patch', kind, id, name, patchParameters, this.body(`${meta}Patch`, patchTypes))],
    ];
    return Object.fromEntries(operations.filter(([verb]) => verbs.includes(verb)).map(([, method, build]) => [method, build()]));
  }

  collection(verbs: readonly string[], kind: GroupVersionKind, id: string): OpenApiValue {
    const name = this.nameOf(kind);
    const list = this.nameOf({ ...kind, kind: `${kind.kind}List` });
    const out: OpenApiValue = {};
    if (verbs.includes('list')) out['get'] = this.operation('list', kind, id, list, listParameters);
    if (verbs.includes('create')) out['post'] = this.operation('post', kind, id, name, writeParameters, this.body(name));
    if (verbs.includes('deletecollection'))
      out['delete'] = this.operation('deletecollection', kind, id, `${meta}Status`, [...listParameters, ...deleteParameters]);
    return out;
  }

  resource(info: ResourceInfo): void {
    const root = info.group === '' ? `/api/${info.version}` : `/apis/${info.group}/${info.version}`;
    const kind = { group: info.group, version: info.version, kind: info.kind };
    const id = `${formatApiVersion(info.group, info.version)}_${info.resource}`.replace(/\W/g, '_');
    const scope = info.namespaced ? [pathParameter('namespace')] : [];
    const base = info.namespaced ? `${root}/namespaces/{namespace}/${info.resource}` : `${root}/${info.resource}`;
    const collection = this.collection(info.verbs, kind, id);
    this.paths[base] = scope.length > 0 ? { ...collection, parameters: scope } : collection;
    if (info.namespaced && info.verbs.includes('list'))
      this.paths[`${root}/${info.resource}`] = this.collection(['list'], kind, `${id}_all`);
    const onItem = info.verbs.filter((verb) => verb !== 'create');
    const item = this.item(onItem, kind, `${id}_item`);
    if (Object.keys(item).length > 0) this.paths[`${base}/{name}`] = { ...item, parameters: [pathParameter('name'), ...scope] };
    for (const sub of info.subresources) {
      this.paths[`${base}/{name}/${sub.name}`] = {
        ...this.item(sub.verbs, sub.kind, `${id}_${sub.name}`),
        parameters: [pathParameter('name'), ...scope],
      };
    }
  }
}

export function renderPaths(registry: SchemaRegistry, resources: readonly ResourceInfo[]): RenderedPaths {
  const writer = new PathWriter(registry);
  for (const info of resources) writer.resource(info);
  return { paths: writer.paths, definitions: writer.definitions };
}
