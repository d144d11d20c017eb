/** Parts of the object model that are on their way; each falls back to the least that works until it is exported. */

import type { GroupVersionKind, KubernetesObject, SchemaRegistry, StatusCause } from '@palisade/kubernetes';
import * as kubernetes from '@palisade/kubernetes';

// biome-ignore lint/suspicious/noExplicitAny: looked up by name until it exists
const parts = kubernetes as any;

export const validateCreate: (registry: SchemaRegistry, object: KubernetesObject) => StatusCause[] = parts.validateCreate ?? (() => []);
export const validateUpdate: (registry: SchemaRegistry, object: KubernetesObject, old: KubernetesObject) => StatusCause[] =
  parts.validateUpdate ?? (() => []);
export const decodeProtobuf: (registry: SchemaRegistry, bytes: Uint8Array) => KubernetesObject =
  parts.decodeProtobuf ??
  (() => {
    throw kubernetes.unsupportedMediaType(['application/json', 'application/yaml']);
  });
export const openApiV3Document: (registry: SchemaRegistry, groupVersion: string) => object =
  parts.openApiV3Document ?? ((registry: SchemaRegistry, gv: string) => minimalDocument(registry, gv));
export const tableColumns: (gvk: GroupVersionKind) => object[] =
  parts.tableColumns ??
  (() => [
    { name: 'Name', type: 'string', format: 'name', description: '', priority: 0 },
    { name: 'Age', type: 'string', format: '', description: '', priority: 0 },
  ]);
export const renderRow: (gvk: GroupVersionKind, object: KubernetesObject, now: Date) => unknown[] =
  parts.renderRow ?? ((_: unknown, object: KubernetesObject) => [object.metadata.name, '1s']);

function minimalDocument(registry: SchemaRegistry, gv: string): object {
  const paths: Record<string, object> = {};
  for (const info of registry.resources()) {
    const prefix = info.group === '' ? `api/${info.version}` : `apis/${info.group}/${info.version}`;
    if (prefix !== gv) continue;
    const kind = { group: info.group, version: info.version, kind: info.kind };
    paths[`/${prefix}${info.namespaced ? '/namespaces/{namespace}' : ''}/${info.resource}/{name}`] = {
      patch: {
        'x-kubernetes-group-version-kind': kind,
        parameters: [{ in: 'query', name: 'fieldValidation', schema: { type: 'string' } }],
      },
    };
  }
  return { openapi: '3.0.0', info: { title: 'Kubernetes', version: 'v1.34.4' }, paths };
}
