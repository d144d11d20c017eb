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
  /** What was asked for while it was made. */
  readonly parts: readonly string[];
  isUsed: boolean;
}

export interface KeptMemo {
  readonly memo: Memo;
  /** Forgets what was not asked for since the last call; parts of what was asked for stay with it. */
  sweep(): void;
}

export function createMemo(): KeptMemo {
  const entries = new Map<string, Entry>();
  /** Parts of what is being made, innermost last. */
  const making: string[][] = [];
  const use = (entry: Entry) => {
    if (entry.isUsed) return;
    entry.isUsed = true;
    for (const part of entry.parts) {
      const found = entries.get(part);
      if (found !== undefined) use(found);
    }
  };
  return {
    memo<T>(key: string, inputs: readonly unknown[], make: () => T): T {
      making.at(-1)?.push(key);
      const known = entries.get(key);
      if (known?.inputs.length === inputs.length && known.inputs.every((input, index) => Object.is(input, inputs[index]))) {
        use(known);
        return known.result as T;
      }
      const parts: string[] = [];
      making.push(parts);
      try {
        const result = make();
        entries.set(key, { inputs, result, parts, isUsed: true });
        return result;
      } finally {
        making.pop();
      }
    },
    sweep() {
      for (const [key, entry] of entries) {
        if (!entry.isUsed) entries.delete(key);
        entry.isUsed = false;
      }
    },
  };
}
