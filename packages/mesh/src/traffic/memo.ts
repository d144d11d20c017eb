/**
 * What was compiled before and may be used again: a result is kept with the inputs it was made from, and made again only when one of
 * them is another (compared with `Object.is`). So a change reaches exactly the proxies whose inputs it is among.
 */
export type Memo = <T>(key: string, inputs: readonly unknown[], make: () => T) => T;

/** Remembers nothing. */
export const withoutMemo: Memo = (_key, _inputs, make) => make();

interface Entry {
  readonly inputs: readonly unknown[];
  readonly result: unknown;
  isUsed: boolean;
}

export interface KeptMemo {
  readonly memo: Memo;
  /** Forgets what was not asked for since the last call. */
  sweep(): void;
}

export function createMemo(): KeptMemo {
  const entries = new Map<string, Entry>();
  return {
    memo<T>(key: string, inputs: readonly unknown[], make: () => T): T {
      const known = entries.get(key);
      if (known?.inputs.length === inputs.length && known.inputs.every((input, index) => Object.is(input, inputs[index]))) {
        known.isUsed = true;
        return known.result as T;
      }
      const result = make();
      entries.set(key, { inputs, result, isUsed: true });
      return result;
    },
    sweep() {
      for (const [key, entry] of entries) {
        if (!entry.isUsed) entries.delete(key);
        entry.isUsed = false;
      }
    },
  };
}
