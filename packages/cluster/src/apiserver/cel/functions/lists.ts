import { isDeepStrictEqual } from 'node:util';
import type { Environment } from '@marcbachmann/cel-js';

type Comparable = number | bigint | string | boolean | Date;

/** As CEL's own equality: an int and a double of the same value are equal. */
function isEqual(a: unknown, b: unknown): boolean {
  if ((typeof a === 'bigint' && typeof b === 'number') || (typeof a === 'number' && typeof b === 'bigint')) return Number(a) === Number(b);
  return isDeepStrictEqual(a, b);
}

function requireNotEmpty(list: readonly unknown[], what: string): void {
  if (list.length === 0) throw new Error(`${what} called on empty list`);
}

/** Not `Math.min`: ints are bigints, and texts and times have an order too. */
function extreme(list: readonly Comparable[], isBetter: (item: Comparable, best: Comparable) => boolean): Comparable {
  return list.reduce((best, item) => (isBetter(item, best) ? item : best));
}

/** Lists (`isSorted`, `sum`, `min`, `max`, `indexOf`, `lastIndexOf`) and sets of them. */
export function registerListFunctions(env: Environment): void {
  env.registerFunction('list<dyn>.isSorted(): bool', (list: Comparable[]) => list.every((item, i) => i === 0 || list[i - 1]! <= item));
  env.registerFunction('list<dyn>.sum(): dyn', (list: (number | bigint)[]) => {
    const isInteger = list.every((item) => typeof item === 'bigint');
    if (!isInteger && !list.every((item) => typeof item === 'number')) throw new Error('no such overload: sum of mixed types');
    return isInteger ? (list as bigint[]).reduce((sum, item) => sum + item, 0n) : (list as number[]).reduce((sum, item) => sum + item, 0);
  });
  env.registerFunction('list<dyn>.min(): dyn', (list: Comparable[]) => {
    requireNotEmpty(list, 'min');
    return extreme(list, (item, least) => item < least);
  });
  env.registerFunction('list<dyn>.max(): dyn', (list: Comparable[]) => {
    requireNotEmpty(list, 'max');
    return extreme(list, (item, most) => item > most);
  });
  env.registerFunction('list<dyn>.indexOf(dyn): int', (list: unknown[], wanted: unknown) =>
    BigInt(list.findIndex((item) => isEqual(item, wanted))),
  );
  env.registerFunction('list<dyn>.lastIndexOf(dyn): int', (list: unknown[], wanted: unknown) =>
    BigInt(list.findLastIndex((item) => isEqual(item, wanted))),
  );
  const contains = (list: readonly unknown[], item: unknown) => list.some((one) => isEqual(one, item));
  env.registerType('SetsNamespace', { ctor: SetsNamespace, fields: {} });
  env.registerConstant('sets', 'SetsNamespace', new SetsNamespace());
  env.registerFunction('SetsNamespace.contains(list<dyn>, list<dyn>): bool', (_: unknown, a: unknown[], b: unknown[]) =>
    b.every((item) => contains(a, item)),
  );
  env.registerFunction(
    'SetsNamespace.equivalent(list<dyn>, list<dyn>): bool',
    (_: unknown, a: unknown[], b: unknown[]) => a.every((item) => contains(b, item)) && b.every((item) => contains(a, item)),
  );
  env.registerFunction('SetsNamespace.intersects(list<dyn>, list<dyn>): bool', (_: unknown, a: unknown[], b: unknown[]) =>
    a.some((item) => contains(b, item)),
  );
}

class SetsNamespace {}
