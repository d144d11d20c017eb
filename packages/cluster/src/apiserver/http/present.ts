import { formatApiVersion, type KubernetesObject } from '@palisade/kubernetes';
import type { Core } from '../core.ts';
import type { ServedResource } from '../registry/resource.ts';
import type { Entry } from '../store/entry.ts';

/** Which part of each object a table row carries (`includeObject`). */
export type IncludeObject = 'None' | 'Metadata' | 'Object';

export interface ListMeta {
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

/** @param apiVersion of the group meta.k8s.io */
export function partialMetadata(object: KubernetesObject, apiVersion: string): KubernetesObject {
  return { kind: 'PartialObjectMetadata', apiVersion, metadata: object.metadata };
}

export interface TableOptions {
  readonly include: IncludeObject;
  /** Of the group meta.k8s.io. */
  readonly apiVersion: string;
  /** Later events of a watch carry no column definitions: the client has them from the first. */
  readonly withoutColumns?: boolean;
}

/** The Table of a kind; each row carries as much of its object as is wanted. */
export function renderTable(
  core: Core,
  { model }: Pick<ServedResource, 'model'>,
  objects: readonly KubernetesObject[],
  metadata: object,
  { include, apiVersion, withoutColumns = false }: TableOptions,
): object {
  const columns = model.columns();
  const isPlain = columns.length === 2 && columns[1]?.name === 'Created At';
  const row = (object: KubernetesObject) => ({
    cells: model.row(object, core.clock()),
    object: include === 'None' ? null : include === 'Object' ? object : partialMetadata(object, apiVersion),
  });
  return {
    kind: 'Table',
    apiVersion,
    metadata,
    columnDefinitions: withoutColumns ? null : columns,
    // Kinds without a table of their own have no empty one either.
    rows: objects.length === 0 && isPlain ? null : objects.map(row),
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
