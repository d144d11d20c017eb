import type { Clock } from '@palisade/kubernetes/client';

/** A cache that has not caught up after this long never will: the writes it waits for are taken as lost. */
const EXPIRY_MS = 5 * 60 * 1000;

interface Expected {
  creations: number;
  deletions: Set<string>;
  sinceMs: number;
}

/**
 * What a controller has asked for and not yet seen in its cache. Until all of it was seen, counting the cache would make too many
 * or delete too many.
 */
export interface Expectations {
  expectCreations(key: string, count: number): void;
  expectDeletions(key: string, uids: readonly string[]): void;
  creationSeen(key: string): void;
  deletionSeen(key: string, uid: string): void;
  isSatisfied(key: string): boolean;
  forget(key: string): void;
}

export function createExpectations(clock: Clock): Expectations {
  const expected = new Map<string, Expected>();
  function entry(key: string): Expected {
    let found = expected.get(key);
    if (found === undefined) {
      found = { creations: 0, deletions: new Set(), sinceMs: 0 };
      expected.set(key, found);
    }
    found.sinceMs = clock.now().getTime();
    return found;
  }
  return {
    expectCreations(key, count) {
      entry(key).creations += count;
    },
    expectDeletions(key, uids) {
      const { deletions } = entry(key);
      for (const uid of uids) deletions.add(uid);
    },
    creationSeen(key) {
      const found = expected.get(key);
      if (found !== undefined && found.creations > 0) found.creations -= 1;
    },
    deletionSeen(key, uid) {
      expected.get(key)?.deletions.delete(uid);
    },
    isSatisfied(key) {
      const found = expected.get(key);
      if (found === undefined || (found.creations === 0 && found.deletions.size === 0)) return true;
      return clock.now().getTime() - found.sinceMs > EXPIRY_MS;
    },
    forget: (key) => void expected.delete(key),
  };
}
