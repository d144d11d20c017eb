import { createHash } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { CompileOptions, RuleSet } from '../engine/compile/ruleset.ts';
import type { Handover } from '../engine/transaction/handover.ts';
import type { Connection, Interruption } from '../engine/transaction/state.ts';
import type { RequestHandover, Transaction } from '../engine/transaction/transaction.ts';
import type { RuleSource } from './files.ts';

export interface WorkerRules {
  readonly source: RuleSource;
  readonly options: Pick<CompileOptions, 'profile' | 'skipUnsupported' | 'regexStepBudget'>;
}

export interface BodyQuestion {
  readonly serial: number;
  readonly nowMs: number;
  readonly id: string;
  readonly connection: Connection;
  readonly request: RequestHandover;
}

export interface BodyAnswer {
  readonly serial: number;
  /** Undefined: the rules asked for what only the first thread has. */
  readonly state: Handover | undefined;
}

interface Waiting {
  readonly transaction: Transaction;
  readonly done: (interruption: Interruption | undefined) => void;
}

/** From here on handing a body over takes less of the event loop than judging it (64 KB of form: about 6 ms, CRS 4.25.0). */
const MIN_BYTES = 65_536;
/** A thread costs an engine's memory: it goes when no long body came for this long. */
const IDLE_MS = 60_000;

/**
 * Judges long bodies in a thread of its own, so that one long form does not delay the requests beside it. The thread is
 * started by the first long body (or `ready`), with the rules that `source` names then, and ends when it has had nothing to
 * do for a minute. While there is none, when it fails, or when its rules are not those in force, a body is judged in the
 * event loop.
 */
export class BodyWorker {
  readonly #rules: WorkerRules;
  readonly #minBytes: number;
  #worker: Worker | undefined;
  readonly #waiting = new Map<number, Waiting>();
  readonly #fingerprints = new WeakMap<RuleSet, string>();
  #start: Promise<boolean> | undefined;
  /** Of the thread's rules, once it is ready. */
  #fingerprint: string | undefined;
  #isMismatchSaid = false;
  #serial = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor(source: RuleSource, options: WorkerRules['options'] = {}, minBytes = MIN_BYTES) {
    this.#rules = { source, options };
    this.#minBytes = minBytes;
  }

  /** Whether to judge this transaction's body here. The first long one starts the thread for those after it. */
  wants(transaction: Transaction): boolean {
    const { trace, ruleSet } = transaction.state;
    // A debug log is written where the transaction is, and uploads are saved where they are removed again.
    if (transaction.requestBytes < this.#minBytes || trace !== undefined || ruleSet.settings.savesUploads) return false;
    void this.ready();
    if (this.#fingerprint === undefined) return false;
    const hasSameRules = this.#fingerprint === this.#fingerprintOf(ruleSet);
    if (!hasSameRules && !this.#isMismatchSaid) warn('it has other rules than the engine');
    this.#isMismatchSaid ||= !hasSameRules;
    return hasSameRules;
  }

  /** @returns true when the thread has its rules, false when it failed */
  ready(): Promise<boolean> {
    this.#start ??= this.#open();
    return this.#start;
  }

  /** Run phase 2. */
  judge(transaction: Transaction): Promise<Interruption | undefined> {
    const worker = this.#worker!;
    clearTimeout(this.#idle);
    const serial = this.#serial++;
    const { state } = transaction;
    return new Promise((done) => {
      this.#waiting.set(serial, { transaction, done });
      worker.ref();
      const { id, connection } = state;
      worker.postMessage({ serial, nowMs: state.now(), id, connection, request: transaction.exportRequest() } satisfies BodyQuestion);
    });
  }

  /** The rules on disk have changed: the next long body starts a thread with the new ones. */
  reload(): void {
    this.#end();
    this.#start = undefined;
  }

  close(): void {
    this.#end();
  }

  #open(): Promise<boolean> {
    const file = `./judge-body.worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`;
    const worker = new Worker(new URL(file, import.meta.url), { workerData: this.#rules });
    this.#worker = worker;
    worker.unref();
    return new Promise((started) => {
      worker.once('message', (fingerprint: string) => {
        if (this.#worker !== worker) return;
        this.#fingerprint = fingerprint;
        worker.on('message', (answer: BodyAnswer) => this.#take(answer));
        this.#rest();
        started(true);
      });
      worker.on('error', (error) => warn((error as Error).message));
      worker.on('exit', () => {
        // Not tried again before `reload`: what failed with these rules will fail again.
        if (this.#worker === worker) this.#end();
        started(false);
      });
    });
  }

  #take({ serial, state }: BodyAnswer): void {
    const waiting = this.#waiting.get(serial);
    if (!waiting) return;
    this.#waiting.delete(serial);
    const { transaction, done } = waiting;
    done(state ? transaction.adoptRequest(state) : transaction.requestBody());
    this.#rest();
  }

  #rest(): void {
    if (this.#waiting.size > 0) return;
    this.#worker?.unref();
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.reload(), IDLE_MS).unref();
  }

  #end(): void {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    this.#worker = undefined;
    this.#fingerprint = undefined;
    void worker?.terminate();
    for (const { transaction, done } of this.#waiting.values()) done(transaction.requestBody());
    this.#waiting.clear();
  }

  #fingerprintOf(ruleSet: RuleSet): string {
    let known = this.#fingerprints.get(ruleSet);
    if (known === undefined) {
      known = fingerprintOf(ruleSet);
      this.#fingerprints.set(ruleSet, known);
    }
    return known;
  }
}

function warn(reason: string): void {
  process.emitWarning(`The thread for long bodies is of no use: ${reason}. They are judged in the event loop.`);
}

/** Two rule sets with the same one come to the same verdicts: rules, their order, settings and all they were made from. */
export function fingerprintOf({ profile, settings, rules, phases, resourceDigest }: RuleSet): string {
  const hash = createHash('sha256');
  const add = (part: unknown) =>
    hash.update(JSON.stringify(part, (_, value: unknown) => (value instanceof Set ? [...value] : value))).update('\n');
  add([profile, settings, resourceDigest]);
  for (const { id, phase, position, variables, operator, actionNodes, actions, transformationNames, next } of rules)
    add([
      [id, phase, position, variables, operator?.node, actionNodes, transformationNames, next?.index],
      [actions.disruption, actions.isLogged, actions.isAuditLogged],
    ]);
  for (const items of Object.values(phases)) add(items.map((item) => (item.kind === 'marker' ? item.label : item.rule.index)));
  return hash.digest('hex');
}
