import { openApiV3Document, type SchemaRegistry } from '@palisade/kubernetes';
import type { CustomVersion } from '../registry/custom/definition.ts';

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
const PATCH_TYPES = ['application/apply-patch+yaml', 'application/json-patch+json', 'application/merge-patch+json'];

/** `com.example.v1.Widget`: the group backwards, as the real server names schemas. */
function schemaName({ served: { gvk } }: CustomVersion): string {
  return `${gvk.group.split('.').reverse().join('.')}.${gvk.version}.${gvk.kind}`;
}

/** The OpenAPI v3 document of a group version that definitions make. */
export function customDocument(schemas: SchemaRegistry, versions: readonly CustomVersion[]): object {
  const paths: Record<string, object> = {};
  const components: Record<string, object> = {};
  // biome-ignore lint/suspicious/noExplicitAny: an OpenAPI document
  const core = openApiV3Document(schemas, 'api/v1') as any;
  for (const [name, schema] of Object.entries(core?.components?.schemas ?? {}))
    if (name.startsWith(META)) components[name] = schema as object;
  for (const version of versions) {
    const { gvk, gvr, info } = version.served;
    const name = schemaName(version);
    const root = `/apis/${gvr.group}/${gvr.version}`;
    const collection = `${root}${info.namespaced ? '/namespaces/{namespace}' : ''}/${gvr.resource}`;
    const item = `${collection}/{name}`;
    const operation = (action: string, extra: object = {}) => ({
      operationId: `${action}_${name}`,
      responses: { '200': { description: 'OK', content: { 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } } } },
      'x-kubernetes-action': action,
      'x-kubernetes-group-version-kind': gvk,
      ...extra,
    });
    const writeParameters = ['dryRun', 'fieldManager', 'fieldValidation'].map((query) => ({
      name: query,
      in: 'query',
      schema: { type: 'string', uniqueItems: true },
    }));
    const body = { content: { 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } } };
    paths[collection] = { get: operation('list'), post: operation('post', { parameters: writeParameters, requestBody: body }) };
    paths[item] = {
      get: operation('get'),
      put: operation('put', { parameters: writeParameters, requestBody: body }),
      delete: operation('delete'),
      patch: operation('patch', {
        parameters: writeParameters,
        requestBody: { content: Object.fromEntries(PATCH_TYPES.map((type) => [type, {}])) },
      }),
    };
    for (const sub of info.subresources) {
      paths[`${item}/${sub.name}`] = {
        get: operation('get'),
        put: operation('put', { parameters: writeParameters }),
        patch: operation('patch', { parameters: writeParameters }),
      };
    }
    components[name] = {
      ...version.schema,
      properties: {
        apiVersion: { type: 'string' },
        kind: { type: 'string' },
        ...version.schema.properties,
        metadata: { allOf: [{ $ref: `#/components/schemas/${META}ObjectMeta` }] },
      },
      'x-kubernetes-group-version-kind': [gvk],
    };
  }
  return { openapi: '3.0.0', info: { title: 'Kubernetes', version: 'v1' }, paths, components: { schemas: components } };
}
