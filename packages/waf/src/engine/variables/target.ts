/** One value a rule may look at. The collection it is shown under is the rule's business: ARGS shares ARGS_GET's. */
export class Target {
  /** Member name; empty for single values. */
  readonly key: string;
  readonly value: string;
  #lowerKey: string | undefined;
  /** What the prefilter found in the value; see `prefilter/`. */
  scan: unknown;

  constructor(key: string, value: string) {
    this.key = key;
    this.value = value;
    this.scan = undefined;
  }

  get lowerKey(): string {
    this.#lowerKey ??= this.key.toLowerCase();
    return this.#lowerKey;
  }
}

/** Targets of one rule variable, with the collection name they are shown under. */
export interface TargetGroup {
  readonly collection: string;
  readonly targets: readonly Target[];
}

/** `ARGS:foo`, or `REQUEST_URI` for a single value. */
export function targetName(collection: string, key: string): string {
  return key === '' && !keyedCollections.has(collection) ? collection : `${collection}:${key}`;
}

/** An argument may have an empty name. */
const keyedCollections: ReadonlySet<string> = new Set(['ARGS', 'ARGS_GET', 'ARGS_POST', 'REQUEST_COOKIES']);
