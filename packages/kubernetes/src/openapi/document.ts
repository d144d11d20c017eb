import { createHash } from 'node:crypto';
import type { ResourceInfo, SchemaRegistry } from '../schema/registry.ts';
import { renderPaths } from './paths.ts';
import { renderSchemas } from './schemas.ts';

/** `api/v1` or `apis/GROUP/VERSION`: the path of a document below /openapi/v3. */
export type OpenApiGroupVersion = string;

export interface OpenApiIndex {
  readonly paths: Readonly<Record<OpenApiGroupVersion, { readonly serverRelativeURL: string }>>;
}

const documentPath = ({ group, version }: ResourceInfo): OpenApiGroupVersion =>
  group === '' ? `api/${version}` : `apis/${group}/${version}`;

/**
 * The OpenAPI v3 document of one group version: its operations and every schema they reach, without prose. `undefined` for a group
 * version that is not served.
 */
export function openApiV3Document(registry: SchemaRegistry, groupVersion: OpenApiGroupVersion): Record<string, unknown> | undefined {
  const resources = registry.resources().filter((info) => documentPath(info) === groupVersion);
  if (resources.length === 0) return undefined;
  const { paths, definitions } = renderPaths(registry, resources);
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: registry.version },
    paths,
    components: { schemas: renderSchemas(registry, definitions) },
  };
}

/**
 * The index at /openapi/v3. Clients keep documents on disk by the hash in the URL, so it is taken over the whole document. Rendering all
 * of them costs tens of milliseconds: keep the answer as long as the registry.
 */
export function openApiV3Index(registry: SchemaRegistry): OpenApiIndex {
  const names = [...new Set(registry.resources().map(documentPath))];
  const hashOf = (name: string): string =>
    createHash('sha256')
      .update(JSON.stringify(openApiV3Document(registry, name)))
      .digest('hex')
      .toUpperCase();
  return { paths: Object.fromEntries(names.map((name) => [name, { serverRelativeURL: `/openapi/v3/${name}?hash=${hashOf(name)}` }])) };
}
