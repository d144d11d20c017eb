import { formatApiVersion, type KubernetesObject } from '@palisade/kubernetes';
import type { Core } from '../core.ts';
import type { ServedResource } from '../registry/resource.ts';
import type { Entry } from '../store/entry.ts';

const META_V1 = 'meta.k8s.io/v1';

/** Which part of each object a table row carries (`includeObject`). */
export type IncludeObject = 'None' | 'Metadata' | 'Object';

export interface ListMeta {
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

export function partialMetadata(object: KubernetesObject): KubernetesObject {
  return { kind: 'PartialObjectMetadata', apiVersion: META_V1, metadata: object.metadata };
}

function row(core: Core, resource: ServedResource, object: KubernetesObject, include: IncludeObject): object {
  const shown = include === 'None' ? null : include === 'Object' ? object : partialMetadata(object);
  return { cells: resource.model.row(object, core.clock()), object: shown };
}

/** `meta.k8s.io/v1 Table`. Later events of a watch carry no column definitions: the client has them from the first. */
export function renderTable(
  core: Core,
  resource: ServedResource,
  objects: readonly KubernetesObject[],
  metadata: object,
  include: IncludeObject,
  withColumns = true,
): object {
  const columns = resource.model.columns();
  const isPlain = columns.length === 2 && columns[1]?.name === 'Created At';
  return {
    kind: 'Table',
    apiVersion: META_V1,
    metadata,
    columnDefinitions: withColumns ? columns : null,
    // Kinds without a table of their own have no empty one either.
    rows: objects.length === 0 && isPlain ? null : objects.map((object) => row(core, resource, object, include)),
  };
}

/** Objects a chunk of a long list: one write to the socket each. */
const CHUNK = 500;

/** Items of built-in kinds do not say what they are: the list does. Custom ones do. */
const itemText = ({ isCustom }: ServedResource, { json }: Entry): string =>
  isCustom === true ? json : json.replace(/^\{"(?:apiVersion|kind)":"[^"]*",(?:"(?:apiVersion|kind)":"[^"]*",)?/, '{');

/** The text of a list in pieces, made of what is stored: nothing is serialised again. */
export function* listChunks(resource: ServedResource, entries: readonly Entry[], metadata: ListMeta): IterableIterator<string> {
  const apiVersion = formatApiVersion(resource.gvk.group, resource.gvk.version);
  const head = JSON.stringify({ kind: `${resource.gvk.kind}List`, apiVersion, metadata });
  yield `${head.slice(0, -1)},"items":[`;
  for (let i = 0; i < entries.length; i += CHUNK) {
    const part = entries
      .slice(i, i + CHUNK)
      .map((entry) => itemText(resource, entry))
      .join(',');
    yield i === 0 ? part : `,${part}`;
  }
  yield ']}\n';
}
