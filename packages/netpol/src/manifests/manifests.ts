import type { PolicyRef } from '@palisade/flow';
import type { KubernetesObject } from '@palisade/kubernetes';
import { type Document, isMap, isNode, isSeq, LineCounter, type ParsedNode, parseAllDocuments } from 'yaml';
import { PolicyError } from '../errors.ts';
import type { PatchOperation } from '../lint/patch.ts';
import { editText, type TextEdit } from './text-edit.ts';

export interface ManifestFile {
  /** As it is to be shown: usually the path the user gave. */
  readonly name: string;
  readonly text: string;
}

export interface Manifests {
  readonly objects: readonly KubernetesObject[];
  /** `policies/db.yaml:12` for a field of a policy; the nearest field above it when that one is not written. */
  lineOf(policy: PolicyRef, path: string): string | undefined;
  /** A patch of a policy as a change of its file; undefined when the policy is an element of a List, or not of these files. */
  editOf(policy: PolicyRef, patch: readonly PatchOperation[]): TextEdit | undefined;
}

interface Source {
  readonly file: string;
  readonly node: ParsedNode;
  readonly lines: LineCounter;
  /** The document it is alone in. */
  readonly text?: string;
}

const policyKey = (kind: string, namespace: string | undefined, name: string): string => `${kind}\0${namespace ?? ''}\0${name}`;

/** `spec.ingress[0].from` as the keys and indexes of the document. */
function stepsOf(path: string): (string | number)[] {
  return [...path.matchAll(/([^.[\]]+)|\[(\d+)\]/g)].map(([, key, index]) => key ?? Number(index));
}

/**
 * Reads Kubernetes manifests (YAML or JSON, several documents a file, Lists) and remembers where each policy stands. Objects
 * without a namespace are taken to be in `default`, as `kubectl apply` does.
 *
 * @throws PolicyError naming file and line when a file cannot be parsed
 */
export function readManifests(files: readonly ManifestFile[]): Manifests {
  const objects: KubernetesObject[] = [];
  const sources = new Map<string, Source>();
  const add = (value: unknown, source: Source) => {
    const object = value as KubernetesObject | null;
    if (typeof object !== 'object' || object === null || typeof object.kind !== 'string') return;
    const items: unknown = object.kind.endsWith('List') ? object['items'] : undefined;
    if (Array.isArray(items)) {
      const list = isMap(source.node) ? source.node.get('items', true) : undefined;
      for (const [index, item] of items.entries()) {
        const node = isSeq(list) ? list.items[index] : undefined;
        const { text: _, ...place } = source;
        add(item, { ...place, node: isNode(node) ? (node as ParsedNode) : source.node });
      }
      return;
    }
    const metadata = { ...object.metadata };
    const isClusterWide =
      object.kind === 'Namespace' || object.kind === 'Node' || object.apiVersion?.startsWith('policy.networking.k8s.io/');
    if (!isClusterWide) metadata.namespace ??= 'default';
    objects.push({ ...object, metadata });
    if (typeof metadata.name === 'string') sources.set(policyKey(object.kind, metadata.namespace, metadata.name), source);
  };
  for (const { name, text } of files) {
    const lines = new LineCounter();
    const documents: readonly Document.Parsed[] = [...parseAllDocuments(text, { lineCounter: lines, logLevel: 'silent' })];
    for (const document of documents) {
      const problem = document.errors[0];
      if (problem)
        throw new PolicyError(
          'invalid',
          `${name}:${problem.linePos?.[0].line ?? 1}`,
          problem.message.split('\n')[0]!.replace(/ at line \d+.*$/, ''),
        );
      if (!document.contents) continue;
      const [start, end] = document.contents.range;
      add(document.toJS(), { file: name, node: document.contents, lines, text: text.slice(start, end) });
    }
  }
  const sourceOf = ({ kind, namespace, name }: PolicyRef) => sources.get(policyKey(kind, namespace, name));
  return {
    objects,
    lineOf: (policy, path) => lineOf(sourceOf(policy), path),
    editOf(policy, patch) {
      const source = sourceOf(policy);
      if (source?.text === undefined) return undefined;
      const edit = editText(source.text, patch);
      const before = source.lines.linePos(source.node.range[0]).line - 1;
      return { file: source.file, firstLine: before + edit.firstLine, lastLine: before + edit.lastLine, text: edit.text };
    },
  };
}

function lineOf(source: Source | undefined, path: string): string | undefined {
  if (!source) return undefined;
  let node: unknown = source.node;
  let offset = source.node.range[0];
  for (const step of stepsOf(path)) {
    if (typeof step === 'string' && isMap(node)) {
      const pair = node.items.find((item) => String(isNode(item.key) ? item.key.toJSON() : item.key) === step);
      if (!pair) break;
      offset = (pair.key as ParsedNode).range[0];
      node = pair.value;
    } else if (typeof step === 'number' && isSeq(node)) {
      const item = node.items[step];
      if (!isNode(item) || !item.range) break;
      offset = item.range[0];
      node = item;
    } else break;
  }
  return `${source.file}:${source.lines.linePos(offset).line}`;
}
