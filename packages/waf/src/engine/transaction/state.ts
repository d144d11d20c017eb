import type { XmlElement } from '../body/xml-tree.ts';
import type { EngineMode, Rule } from '../compile/model.ts';
import type { RuleSet } from '../compile/ruleset.ts';
import type { KeyTest } from '../compile/targets.ts';
import type { UploadStore } from '../resources.ts';
import type { VariableNode } from '../seclang/ast.ts';
import type { Target, TargetGroup } from '../variables/target.ts';
import type { CollectionStore } from './collections.ts';

/** Who speaks to whom. */
export interface Connection {
  readonly clientAddress: string;
  readonly clientPort: number;
  readonly serverAddress: string;
  readonly serverPort: number;
}

/** A match as the log shows it. */
export interface MatchedVariable {
  readonly name: string;
  /** After transformations. */
  readonly value: string;
  readonly message: string | undefined;
  readonly logdata: string | undefined;
}

/** A rule (or chain) that matched, as a value for logs, tests and explanations. */
export interface MatchedRule {
  readonly id: number;
  readonly phase: number;
  readonly file: string;
  readonly line: number;
  readonly message: string | undefined;
  readonly logdata: string | undefined;
  readonly severity: number | undefined;
  readonly tags: readonly string[];
  readonly ver: string | undefined;
  readonly rev: string | undefined;
  readonly isLogged: boolean;
  readonly isAuditLogged: boolean;
  readonly operator: string;
  /** What decided: the operator in ModSecurity 3's spelling and its expanded argument; undefined for SecAction. */
  readonly test: { readonly operator: string; readonly argument: string } | undefined;
  readonly maturity: number | undefined;
  readonly accuracy: number | undefined;
  readonly transformations: string;
  readonly variables: readonly MatchedVariable[];
}

/** What to do with the request instead of serving it. */
export interface Interruption {
  readonly kind: 'deny' | 'drop' | 'redirect';
  readonly status: number;
  readonly url: string | undefined;
  readonly ruleId: number;
  readonly phase: number;
  readonly reason: string;
}

/** @param level 1 (errors) to 9 (everything), as SecDebugLogLevel counts */
export type Trace = (level: number, line: string) => void;

export interface RemovedTarget {
  readonly collection: string;
  readonly node: VariableNode;
  readonly test: KeyTest;
}

export interface TxValue {
  readonly key: string;
  readonly value: string;
}

/** Everything one transaction knows. Made fresh for each request. */
export class TransactionState {
  readonly ruleSet: RuleSet;
  readonly id: string;
  readonly startMs: number;
  readonly now: () => number;
  readonly connection: Connection;
  readonly store: CollectionStore;

  /** Values by variable name; absent = none. */
  readonly lists = new Map<string, readonly Target[]>();
  /** Collected targets by spec slot, dropped whenever lists change. */
  targetCache: (readonly TargetGroup[] | undefined)[] = [];
  /** What the prefilter found, by list of targets. */
  readonly listCandidates = new Map<readonly Target[], unknown>();
  /** Members of collections by lower-case name. */
  readonly keyIndexes = new Map<readonly Target[], Map<string, Target[]>>();
  readonly tx: Map<string, TxValue>;
  readonly env = new Map<string, TxValue>();
  readonly geo = new Map<string, TxValue>();
  /** Persistent collections by name, once initialised. */
  readonly persistent = new Map<
    string,
    { readonly key: string; readonly values: Map<string, TxValue>; readonly loaded: ReadonlyMap<string, TxValue>; isChanged: boolean }
  >();
  /** What `setsid` and `setuid` said last: SESSIONID, USERID. */
  sessionId = '';
  userId = '';
  /** When members of persistent collections end (ms since 1970), by collection and lower-case name. */
  readonly expiries = new Map<string, number>();
  xml: XmlElement | undefined;

  engineMode: EngineMode;
  requestBodyAccess: boolean;
  responseBodyAccess: boolean;
  requestBodyLimit: number;
  responseBodyLimit: number;
  isRequestBodyForced = false;
  requestBodyProcessor = '';
  auditEngine: 'On' | 'Off' | 'RelevantOnly';
  auditLogParts: string;

  matchedVar: { readonly name: string; readonly value: string } | undefined;
  /** Matches of the latest operator. */
  matchedVars: { readonly name: string; readonly value: string }[] = [];
  currentRule: Rule | undefined;
  highestSeverity = 255;
  readonly matched: MatchedRule[] = [];
  readonly limits: { readonly ruleId: number; readonly variable: string }[] = [];
  interruption: Interruption | undefined;
  /** What would have happened, when the engine only detects. */
  detected: Interruption | undefined;
  allowed: 'none' | 'transaction' | 'request' = 'none';
  /** The client has the response: phase 4 only looks. */
  isResponseSent = false;
  removedRules: Uint8Array | undefined;
  removedTargets: Map<number, RemovedTarget[]> | undefined;
  /** Set when files may be saved. */
  uploads: UploadStore | undefined;
  debugLogLevel: number;
  /** What `@rsub` made of the bodies. */
  rewrittenRequest: string | undefined;
  rewrittenResponse: string | undefined;
  /** What goes before and behind the response's body. */
  prepended = '';
  appended = '';
  readonly sanitised: { readonly kind: string; readonly key: string }[] = [];
  phase: 1 | 2 | 3 | 4 | 5 = 1;
  /** Writes one line of the debug log (SecDebugLog), in ModSecurity's words; undefined below SecDebugLogLevel 1. */
  trace: Trace | undefined;

  constructor(
    ruleSet: RuleSet,
    id: string,
    connection: Connection,
    now: () => number,
    store: CollectionStore,
    tx?: ReadonlyMap<string, TxValue>,
  ) {
    this.tx = new Map(tx);
    const { settings } = ruleSet;
    this.ruleSet = ruleSet;
    this.id = id;
    this.connection = connection;
    this.now = now;
    this.startMs = now();
    this.store = store;
    this.engineMode = settings.ruleEngine;
    this.requestBodyAccess = settings.requestBodyAccess;
    this.responseBodyAccess = settings.responseBodyAccess;
    this.requestBodyLimit = settings.requestBodyLimit;
    this.responseBodyLimit = settings.responseBodyLimit;
    this.auditEngine = settings.auditEngine;
    this.auditLogParts = settings.auditLogParts;
    this.debugLogLevel = settings.debugLogLevel;
  }

  setList(name: string, targets: readonly Target[]): void {
    this.lists.set(name, targets);
  }

  /** After lists changed: what was collected from them is stale. */
  dropCaches(): void {
    this.targetCache = [];
  }
}
