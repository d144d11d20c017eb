import { badRequest, unprocessable } from '../errors.ts';
import { StatusError } from '../status.ts';
import { equalJson, isObject, type Json, setOwn } from './own-keys.ts';

/** JSON Patch, RFC 6902. Like kube-apiserver: a malformed document is a 400, an operation that cannot be done a 422. */

/** More operations than this are refused with 413, as the real server refuses them. */
const maxOperations = 10_000;

interface Operation {
  readonly op: string;
  readonly path: readonly string[];
  readonly from: readonly string[] | undefined;
  readonly value: unknown;
}

/** RFC 6901 §4; the empty pointer is the whole document. */
function parsePointer(text: unknown, where: string): string[] {
  if (typeof text !== 'string' || (text !== '' && !text.startsWith('/')))
    throw badRequest(`error decoding patch: ${where} must be a JSON pointer, found ${JSON.stringify(text)}`);
  if (text === '') return [];
  return text
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function parseOperations(patch: unknown): Operation[] {
  if (!Array.isArray(patch))
    throw badRequest(
      `error decoding patch: json: cannot unmarshal ${isObject(patch) ? 'object' : typeof patch} into Go value of type []handlers.jsonPatchOp`,
    );
  if (patch.length > maxOperations) {
    const message = `Request entity too large: The allowed maximum operations in a JSON patch is ${maxOperations}, got ${patch.length}`;
    throw new StatusError({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message,
      reason: 'RequestEntityTooLarge',
      code: 413,
    });
  }
  return patch.map((raw: unknown, i) => {
    if (!isObject(raw)) throw badRequest(`error decoding patch: operation ${i} must be an object`);
    const op = String(raw['op']);
    const from = op === 'move' || op === 'copy' ? parsePointer(raw['from'], `from of operation ${i}`) : undefined;
    if ((op === 'add' || op === 'replace' || op === 'test') && !Object.hasOwn(raw, 'value'))
      throw badRequest(`error decoding patch: operation ${i} (${op}) has no value`);
    return { op, path: parsePointer(raw['path'], `path of operation ${i}`), from, value: raw['value'] };
  });
}

/** Index of an existing element, or, where `end` is allowed, the place after the last (`-`). */
function indexIn(list: readonly unknown[], token: string, allowEnd: boolean): number {
  if (token === '-' && allowEnd) return list.length;
  if (!/^(0|[1-9]\d*)$/.test(token)) throw unprocessable();
  const index = Number(token);
  if (index >= list.length + (allowEnd ? 1 : 0)) throw unprocessable();
  return index;
}

function child(node: unknown, token: string): unknown {
  if (Array.isArray(node)) return node[indexIn(node, token, false)];
  if (isObject(node) && Object.hasOwn(node, token)) return node[token];
  throw unprocessable();
}

const resolve = (document: unknown, path: readonly string[]): unknown => path.reduce(child, document);

function add(document: unknown, path: readonly string[], value: unknown): unknown {
  const last = path.at(-1);
  if (last === undefined) return value;
  const parent = resolve(document, path.slice(0, -1));
  if (Array.isArray(parent)) parent.splice(indexIn(parent, last, true), 0, value);
  else if (isObject(parent)) setOwn(parent, last, value);
  else throw unprocessable();
  return document;
}

function replace(document: unknown, path: readonly string[], value: unknown): unknown {
  const last = path.at(-1);
  if (last === undefined) return value;
  const parent = resolve(document, path.slice(0, -1));
  // The real server's library replaces a member that is not there, too.
  if (Array.isArray(parent)) parent[indexIn(parent, last, false)] = value;
  else if (isObject(parent)) setOwn(parent, last, value);
  else throw unprocessable();
  return document;
}

function remove(document: unknown, path: readonly string[]): unknown {
  const last = path.at(-1);
  if (last === undefined) throw unprocessable();
  const parent = resolve(document, path.slice(0, -1));
  child(parent, last);
  if (Array.isArray(parent)) parent.splice(indexIn(parent, last, false), 1);
  else delete (parent as Json)[last];
  return document;
}

function apply(document: unknown, { op, path, from, value }: Operation): unknown {
  switch (op) {
    case 'add':
      return add(document, path, structuredClone(value));
    case 'replace':
      return replace(document, path, structuredClone(value));
    case 'remove':
      return remove(document, path);
    case 'test':
      if (!equalJson(resolve(document, path), value)) throw unprocessable();
      return document;
    case 'copy':
      return add(document, path, structuredClone(resolve(document, from!)));
    case 'move': {
      if (from!.length < path.length && from!.every((token, i) => token === path[i])) throw unprocessable();
      const moved = resolve(document, from!);
      return add(remove(document, from!), path, moved);
    }
    default:
      throw unprocessable();
  }
}

/**
 * All operations, or none: the target is not changed.
 * @throws StatusError 400 (not a patch), 413 (too many operations), 422 (failed test, missing path, unknown operation)
 */
export function applyJsonPatch(target: unknown, patch: unknown): unknown {
  return parseOperations(patch).reduce(apply, structuredClone(target));
}
