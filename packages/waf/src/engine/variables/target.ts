import type { OperatorResult } from '../operators/types.ts';

/** One value a rule may look at. The collection it is shown under is the rule's business: ARGS shares ARGS_GET's. */
export class Target {
  /** Member name; empty for single values. */
  readonly key: string;
  readonly value: string;
  #lowerKey: string | undefined;
  /** What the prefilter found in the value; see `prefilter/`. */
  scan: unknown;
  /**
   * True for what clients send with every request: names and headers. What is found out about such a value is kept
   * between requests; arguments' values are looked at afresh.
   */
  readonly isRecurring: boolean;
  /** Outcomes of constant operators on a recurring value, by rule; shared by all requests of one engine. */
  memo: Map<number, { readonly value: string; readonly result: OperatorResult }> | undefined;

  constructor(key: string, value: string, isRecurring = false) {
    this.key = key;
    this.value = value;
    this.scan = undefined;
    this.isRecurring = isRecurring;
    this.memo = undefined;
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
