import { plainFailure } from '../errors.ts';
import { goText } from './go-text.ts';
import { equalJson, getOwn, isObject, type Json } from './own-keys.ts';

/** List merging of strategic merge patches: by key, as sets, and in a given order. */

function keyed(item: unknown, mergeKey: string): Json {
  if (!isObject(item) || getOwn(item, mergeKey) === undefined)
    throw plainFailure(500, `map: ${goText(item)} does not contain declared merge key: ${mergeKey}`);
  return item;
}

const sameKey = (a: Json, b: Json, mergeKey: string): boolean => equalJson(getOwn(a, mergeKey), getOwn(b, mergeKey));

/**
 * Elements with equal keys merge, those of the patch stand in its order, `{$patch: delete, key: v}` removes; an element
 * `{$patch: replace}` makes the rest of the patch the whole list.
 */
export function mergeKeyedList(
  original: readonly unknown[],
  patch: readonly unknown[],
  mergeKey: string,
  merge: (original: Json, patch: Json) => Json,
): unknown[] {
  const replaces = patch.some((item) => isObject(item) && getOwn(item, '$patch') === 'replace' && getOwn(item, mergeKey) === undefined);
  const out: Json[] = (replaces ? [] : original).map((item) => keyed(item, mergeKey));
  for (const raw of patch) {
    if (isObject(raw) && getOwn(raw, '$patch') === 'replace' && getOwn(raw, mergeKey) === undefined) continue;
    const item = keyed(raw, mergeKey);
    const at = out.findIndex((other) => sameKey(other, item, mergeKey));
    if (getOwn(item, '$patch') === 'delete') {
      if (at >= 0) out.splice(at, 1);
    } else if (at >= 0) {
      out[at] = merge(out[at]!, item);
    } else {
      out.push(merge({}, item));
    }
  }
  return orderElements(out, original, patch, mergeKey);
}

/** A union: what is new follows at the end, each value once. */
export function mergePrimitiveList(original: readonly unknown[], patch: readonly unknown[]): unknown[] {
  return [...new Set([...original, ...patch])];
}

/**
 * Elements named in `order` stand in that order. The others keep the order they had, each before the first named element that it
 * preceded in `before`.
 */
export function orderElements(
  merged: readonly unknown[],
  before: readonly unknown[],
  order: readonly unknown[],
  mergeKey: string | undefined,
): unknown[] {
  const idOf = (item: unknown): string =>
    JSON.stringify((mergeKey !== undefined && isObject(item) ? getOwn(item, mergeKey) : item) ?? null);
  const ranks = new Map(order.map((item, i) => [idOf(item), i]));
  const previous = new Map(before.map((item, i) => [idOf(item), i]));
  const named = merged.filter((item) => ranks.has(idOf(item))).sort((a, b) => ranks.get(idOf(a))! - ranks.get(idOf(b))!);
  const others = merged.filter((item) => !ranks.has(idOf(item)));
  const out: unknown[] = [];
  while (named.length > 0 && others.length > 0) {
    const [left, right] = [previous.get(idOf(others[0])), previous.get(idOf(named[0]))];
    const otherFirst = left !== undefined && right !== undefined && left < right;
    out.push(otherFirst ? others.shift() : named.shift());
  }
  return [...out, ...named, ...others];
}
