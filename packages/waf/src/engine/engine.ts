import type { Folded } from './compile/fold.ts';
import { foldRuleSet } from './compile/fold.ts';
import type { CompileOptions, RuleSet } from './compile/ruleset.ts';
import { compileRuleSet, defaultProfile } from './compile/ruleset.ts';
import type { RulePrefilter } from './evaluate/phase.ts';
import { patternOptions } from './operators/patterns.ts';
import { Prefilter } from './prefilter/prefilter.ts';
import { RuleNeeds } from './prefilter/rule-needs.ts';
import { PatternTable } from './regex/pattern-table.ts';
import { escapeBytes } from './render/message.ts';
import type { UploadStore } from './resources.ts';
import type { Node } from './seclang/ast.ts';
import type { CollectionStore } from './transaction/collections.ts';
import { MemoryStore } from './transaction/collections.ts';
import type { Connection, Trace, TxValue } from './transaction/state.ts';
import { TransactionState } from './transaction/state.ts';
import { Transaction } from './transaction/transaction.ts';

/** What a transaction needs from outside: nothing is read from the machine. */
export interface TransactionOptions {
  /** UNIQUE_ID, and the id in logs. */
  readonly id: string;
  readonly connection: Connection;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Receives the lines of the debug log, as far as SecDebugLogLevel wants them. */
  readonly debug?: (line: string) => void;
}

export interface EngineOptions extends CompileOptions {
  readonly store?: CollectionStore;
  /** Run every rule on every value: the slow, plain reading that the fast one is tested against. */
  readonly isReference?: boolean;
  /** What ENV shows besides what `setenv` sets: of the process nothing is read. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** A compiled rule set, ready for any number of transactions. */
export class Engine {
  readonly ruleSet: RuleSet;
  readonly #store: CollectionStore;
  readonly #uploads: UploadStore | undefined;
  readonly #environment: readonly (readonly [lowerCaseKey: string, value: TxValue])[];
  readonly #prefilter: RulePrefilter | undefined;
  readonly #folded: Folded | undefined;

  constructor(
    ruleSet: RuleSet,
    { store, uploads, environment }: EngineOptions,
    prefilter: RulePrefilter | undefined,
    folded: Folded | undefined,
  ) {
    this.ruleSet = ruleSet;
    this.#store = store ?? new MemoryStore();
    this.#uploads = uploads;
    this.#environment = Object.entries(environment ?? {}).map(([key, value]) => [key.toLowerCase(), { key, value: value ?? '' }]);
    this.#prefilter = prefilter;
    this.#folded = folded;
  }

  transaction(options: TransactionOptions): Transaction {
    const state = new TransactionState(this.ruleSet, options.id, options.connection, options.now, this.#store, this.#folded?.tx);
    state.uploads = this.#uploads;
    for (const [key, value] of this.#environment) state.env.set(key, value);
    if (options.debug && this.ruleSet.writesDebugLog) state.trace = debugTrace(state, options.debug);
    return new Transaction(state, this.#prefilter, this.#folded);
  }
}

function debugTrace(state: TransactionState, write: (line: string) => void): Trace {
  return (level, line) => {
    if (level > state.debugLogLevel) return;
    const uri = state.lists.get('REQUEST_URI')?.[0]?.value ?? '';
    write(`[${state.id}] [${escapeBytes(uri)}] [${level}] ${escapeBytes(line)}`);
  };
}

/** Compile parsed rules. @throws WafConfigError when anything in them cannot be honoured */
export function compile(nodes: readonly Node[], options: EngineOptions = {}): Engine {
  const patterns = new PatternTable(patternOptions(options.profile ?? defaultProfile));
  const ruleSet = compileRuleSet(nodes, options, patterns);
  if (options.isReference) return new Engine(ruleSet, options, undefined, undefined);
  const folded = foldRuleSet(ruleSet);
  const live = Object.values(folded?.phases ?? {}).flatMap((phase) => phase.items);
  const items = folded ? live : Object.values(ruleSet.phases).flat();
  const heads = items.flatMap((item) => (item.kind === 'rule' ? [item.rule] : []));
  const prefilter = new Prefilter(ruleSet, heads, new RuleNeeds(patterns), folded !== undefined);
  return new Engine(ruleSet, options, prefilter, folded);
}
