import { isDeepStrictEqual } from 'node:util';
import { type FieldSet, isEmpty } from './field-set.ts';
import { childShape, elementsOf, isNamedField, isStruct, itemKey, type Shape } from './shape.ts';

export interface Comparison {
  /** Paths that are new or have another value. */
  readonly changed: FieldSet;
  readonly removed: FieldSet;
}

interface Growing {
  isMember: boolean;
  children: Map<string, Growing>;
}

const grow = (): Growing => ({ isMember: false, children: new Map() });

function descend(at: Growing, key: string): Growing {
  let child = at.children.get(key);
  if (child === undefined) {
    child = grow();
    at.children.set(key, child);
  }
  return child;
}

function settle({ isMember, children }: Growing): FieldSet {
  const settled = new Map<string, FieldSet>();
  for (const [key, child] of children) {
    const set = settle(child);
    if (!isEmpty(set)) settled.set(key, set);
  }
  return { isMember, children: settled };
}

/** Which paths a change from `before` to `after` touches. A container that comes or goes counts itself, and all that is in it. */
export function compare(shape: Shape, before: unknown, after: unknown): Comparison {
  const changed = grow();
  const removed = grow();
  walk(shape, before, after, changed, removed);
  return { changed: settle(changed), removed: settle(removed) };
}

function walk(shape: Shape, before: unknown, after: unknown, changed: Growing, removed: Growing): void {
  if (before === undefined) changed.isMember = true;
  if (after === undefined) removed.isMember = true;
  const [old, next] = [elementsOf(shape, before), elementsOf(shape, after)];
  const isContainer = (old?.length ?? 0) > 0 || (next?.length ?? 0) > 0;
  if (!isContainer) {
    if (before !== undefined && after !== undefined && !isDeepStrictEqual(before, after)) changed.isMember = true;
    return;
  }
  const byKey = new Map((old ?? []).map((element) => [element[0], element]));
  for (const [key, child, value] of next ?? []) {
    walk(child, byKey.get(key)?.[2], value, descend(changed, key), descend(removed, key));
    byKey.delete(key);
  }
  for (const [key, child, value] of byKey.values()) walk(child, value, undefined, descend(changed, key), descend(removed, key));
}

/** `wanted` laid over `live`: what it does not speak of stays. */
export function merge(shape: Shape, live: unknown, wanted: unknown): unknown {
  if (live === undefined || live === null || shape.kind === 'leaf') return wanted;
  // Nothing is said about what is in there.
  if (wanted === null) return typeof live === 'object' ? live : wanted;
  if (shape.kind === 'keyed' || shape.kind === 'set')
    return Array.isArray(live) && Array.isArray(wanted) ? mergeLists(shape, live, wanted) : wanted;
  if (!isStruct(live) || !isStruct(wanted)) return wanted;
  const result: Record<string, unknown> = { ...live };
  for (const [name, value] of Object.entries(wanted)) {
    const own = Object.hasOwn(live, name) ? live[name] : undefined;
    define(result, name, merge(childShape(shape, name), own, value));
  }
  return result;
}

/** Keys such as `__proto__` are data. */
function define(target: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
}

/** In the order of `wanted`; elements only `live` has stay in front of the next one that both have. */
function mergeLists(shape: Extract<Shape, { kind: 'keyed' | 'set' }>, live: unknown[], wanted: unknown[]): unknown[] {
  const keyOf = (item: unknown) => (shape.kind === 'keyed' ? itemKey(shape, item) : JSON.stringify(item));
  const keys = live.map(keyOf);
  const positions = new Map(keys.map((key, i) => [key, i]));
  const named = new Set(wanted.map(keyOf));
  const result: unknown[] = [];
  let next = 0;
  const passOver = (isOver: (key: string, at: number) => boolean) => {
    for (; next < live.length && !isOver(keys[next]!, next); next++) if (!named.has(keys[next]!)) result.push(live[next]);
  };
  for (const item of wanted) {
    const position = positions.get(keyOf(item));
    if (position === undefined) passOver((key) => named.has(key));
    else passOver((_key, at) => at >= position);
    result.push(position === undefined || shape.kind === 'set' ? item : merge(shape.item, live[position], item));
    if (position !== undefined) next = Math.max(next, position + 1);
  }
  passOver(() => false);
  return result;
}

/**
 * Takes away what `last` named and nobody owns any more, and what becomes empty by it. A struct in which `last` named something and
 * nobody owns anything goes as a whole. Returns a new value.
 */
export function prune(shape: Shape, value: unknown, last: FieldSet, owned: FieldSet): unknown {
  const keep = (key: string, child: Shape, item: unknown): unknown => {
    const was = last.children.get(key);
    if (was === undefined) return item;
    const now = owned.children.get(key);
    if (now === undefined || isEmpty(now)) {
      if (was.isMember || isNamedField(shape, key)) return undefined;
      const rest = prune(child, item, was, EMPTY_SET);
      return isStruct(rest) && Object.keys(rest).length === 0 ? undefined : rest;
    }
    return prune(child, item, was, now);
  };
  if (shape.kind === 'keyed' || shape.kind === 'set') {
    if (!Array.isArray(value)) return value;
    const elements = elementsOf(shape, value) ?? [];
    const kept = elements.map(([key, child, item]) => keep(key, child, item)).filter((item) => item !== undefined);
    return kept.length === 0 && elements.length > 0 ? undefined : kept;
  }
  if (shape.kind === 'leaf' || !isStruct(value)) return value;
  const result: Record<string, unknown> = {};
  for (const [key, child, item] of elementsOf(shape, value) ?? []) {
    const kept = keep(key, child, item);
    if (kept !== undefined) define(result, key.slice(2), kept);
  }
  return result;
}

const EMPTY_SET: FieldSet = { isMember: false, children: new Map() };
