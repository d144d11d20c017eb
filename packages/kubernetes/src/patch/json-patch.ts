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

/** Why an operation cannot be done, in the words of the library that kube-apiserver is built with (evanphx/json-patch). */
class Fault extends Error {}

const MISSING = 'missing value';

/** Index of an existing element, or, where `end` is allowed, the place after the last (`-`). Negative ones count from the end. */
function indexIn(list: readonly unknown[], token: string, allowEnd: boolean): number {
  if (token === '-' && allowEnd) return list.length;
  if (!/^[+-]?\d+$/.test(token)) {
    const why = `strconv.Atoi: parsing ${JSON.stringify(token)}: invalid syntax`;
    throw new Fault(allowEnd ? `value was not a proper array index: '${token}': ${why}` : why);
  }
  const size = list.length + (allowEnd ? 1 : 0);
  const index = Number(token);
  if (index >= size || index < -size) throw new Fault(`Unable to access invalid index: ${index}: invalid index referenced`);
  return index < 0 ? index + size : index;
}

/** The container of the last token; undefined when there is none on the way. */
function parentOf(document: unknown, path: readonly string[]): unknown[] | Json | undefined {
  let at: unknown = document;
  for (const token of path.slice(0, -1)) {
    try {
      at = childOf(at, token);
    } catch {
      return undefined;
    }
  }
  return Array.isArray(at) || isObject(at) ? at : undefined;
}

/** @throws Fault for an element that is not there; a member that is not there is undefined */
function childOf(node: unknown, token: string): unknown {
  if (Array.isArray(node)) return node[indexIn(node, token, false)];
  return isObject(node) && Object.hasOwn(node, token) ? node[token] : undefined;
}

const textOf = (path: readonly string[]): string => path.map((token) => `/${token.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

/** What an operation does at a place, with the place in front of its fault. */
function within<T>(words: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw error instanceof Fault ? new Fault(`${words}: ${error.message}`) : error;
  }
}

function insert(parent: unknown[] | Json, token: string, value: unknown): void {
  if (Array.isArray(parent)) parent.splice(indexIn(parent, token, true), 0, value);
  else setOwn(parent, token, value);
}

function take(parent: unknown[] | Json, token: string): unknown {
  if (Array.isArray(parent)) return parent.splice(indexIn(parent, token, false), 1)[0];
  if (!Object.hasOwn(parent, token)) throw new Fault(`Unable to remove nonexistent key: ${token}: ${MISSING}`);
  const value = parent[token];
  delete parent[token];
  return value;
}

function add(document: unknown, path: readonly string[], value: unknown): unknown {
  const last = path.at(-1);
  if (last === undefined) return value;
  const parent = parentOf(document, path);
  if (parent === undefined) throw new Fault(`add operation does not apply: doc is missing path: "${textOf(path)}": ${MISSING}`);
  within(`error in add for path: '${textOf(path)}'`, () => insert(parent, last, value));
  return document;
}

function replace(document: unknown, path: readonly string[], value: unknown): unknown {
  const last = path.at(-1);
  if (last === undefined) return value;
  const parent = parentOf(document, path);
  if (parent === undefined) throw new Fault(`replace operation does not apply: doc is missing path: ${textOf(path)}: ${MISSING}`);
  // The real server's library replaces a member that is not there, too.
  if (!Array.isArray(parent)) setOwn(parent, last, value);
  else {
    try {
      parent[indexIn(parent, last, false)] = value;
    } catch {
      throw new Fault(`replace operation does not apply: doc is missing key: ${textOf(path)}: ${MISSING}`);
    }
  }
  return document;
}

function remove(document: unknown, path: readonly string[]): unknown {
  const parent = parentOf(document, path);
  const last = path.at(-1);
  if (last === undefined || parent === undefined)
    throw new Fault(`remove operation does not apply: doc is missing path: "${textOf(path)}": ${MISSING}`);
  within(`error in remove for path: '${textOf(path)}'`, () => take(parent, last));
  return document;
}

function test(document: unknown, path: readonly string[], value: unknown): void {
  const last = path.at(-1);
  let found = document;
  if (last !== undefined) {
    const parent = parentOf(document, path);
    if (parent === undefined) throw new Fault(`test operation does not apply: is missing path: ${textOf(path)}: ${MISSING}`);
    found = within(`error in test for path: '${textOf(path)}'`, () => childOf(parent, last));
  }
  if (!equalJson(found ?? null, value)) throw new Fault(`testing value ${textOf(path)} failed: test failed`);
}

/** Move and copy: where it comes from, and where it goes to. */
function transfer(document: unknown, op: 'move' | 'copy', from: readonly string[], path: readonly string[]): unknown {
  const source = parentOf(document, from);
  const last = from.at(-1);
  if (last === undefined || source === undefined)
    throw new Fault(`${op} operation does not apply: doc is missing from path: ${textOf(from)}: ${MISSING}`);
  const value =
    op === 'move'
      ? within(`error in move for path: '${last}'`, () => take(source, last))
      : structuredClone(within(`error in copy for from: '${textOf(from)}'`, () => childOf(source, last)) ?? null);
  const target = path.at(-1);
  if (target === undefined) return value;
  const parent = parentOf(document, path);
  if (parent === undefined) throw new Fault(`${op} operation does not apply: doc is missing destination path: ${textOf(path)}: ${MISSING}`);
  within(op === 'move' ? `error in move for path: '${textOf(path)}'` : 'error while adding value during copy', () =>
    insert(parent, target, value),
  );
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
      test(document, path, value);
      return document;
    case 'copy':
    case 'move':
      return transfer(document, op, from!, path);
    default:
      throw new Fault(`Unexpected kind: ${op}`);
  }
}

/**
 * All operations, or none: the target is not changed.
 * @throws StatusError 400 (not a patch), 413 (too many operations), 422 (failed test, missing path, unknown operation), whose `cause`
 *   says what the real server tells of a webhook's patch alone
 */
export function applyJsonPatch(target: unknown, patch: unknown): unknown {
  const operations = parseOperations(patch);
  try {
    return operations.reduce(apply, structuredClone(target));
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const refusal = unprocessable();
    refusal.cause = error;
    throw refusal;
  }
}
