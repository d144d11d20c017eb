import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubernetesObject } from '@palisade/kubernetes';
import { parseAllDocuments } from 'yaml';

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => (entry.isDirectory() ? filesBelow(join(folder, entry.name)) : [join(folder, entry.name)]))
    .filter((path) => /\.(ya?ml|json)$/.test(path));
}

/** `List` and `PodList` are what they hold. */
function expand(value: unknown): KubernetesObject[] {
  const object = value as KubernetesObject | null;
  if (typeof object !== 'object' || object === null || typeof object.kind !== 'string') return [];
  if (!object.kind.endsWith('List')) return [{ ...object, metadata: object.metadata ?? {} }];
  const itemKind = object.kind.slice(0, -'List'.length);
  const items: KubernetesObject[] = Array.isArray(object['items']) ? object['items'] : [];
  return items.flatMap((item) =>
    expand(item.kind === undefined && itemKind !== '' ? { ...item, kind: itemKind, apiVersion: object.apiVersion } : item),
  );
}

/** Every object of a folder of manifests. Files that are no YAML are left out, as np-guard does. */
export function loadObjects(folder: string): KubernetesObject[] {
  return filesBelow(folder).flatMap((path) => {
    // Go's YAML reader, which np-guard uses, takes tabs before the elements of a flow list.
    const text = readFileSync(path, 'utf8').replace(/^[ \t]+/gm, (indent) => indent.replaceAll('\t', '        '));
    const documents = parseAllDocuments(text, { logLevel: 'silent', uniqueKeys: false });
    return [...documents].flatMap((document) => (document.errors.length > 0 ? [] : expand(document.toJS())));
  });
}
