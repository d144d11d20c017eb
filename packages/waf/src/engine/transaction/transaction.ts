import type { Folded } from '../compile/fold.ts';
import { saveCollections } from '../evaluate/persistent.ts';
import type { RulePrefilter } from '../evaluate/phase.ts';
import { runPhase } from '../evaluate/phase.ts';
import { Target } from '../variables/target.ts';
import { type AuditRecord, auditOf } from './audit.ts';
import type { Handover } from './handover.ts';
import { exportState, importState } from './handover.ts';
import type { RequestHead } from './request.ts';
import { bodyError, readRequestBody, readRequestHead } from './request.ts';
import { type ResponseEdits, responseEdits } from './rewrites.ts';
import type { Interruption, MatchedRule, TransactionState } from './state.ts';
import { dropUploads } from './uploads.ts';
import { forgetDerived } from './values.ts';

/** The head of a response; latin1 text. */
export interface ResponseHead {
  readonly status: number;
  readonly protocol: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** A request on its way to another thread, fit for a structured clone. */
export interface RequestHandover {
  readonly state: Handover;
  readonly body: readonly string[];
}

const untoldTypes: ReadonlySet<string> = new Set(['text/plain', 'text/html']);

/** Where no SecResponseBodyMimeType says what is inspected, ModSecurity 3 inspects everything. */
function isInspected({ ruleSet }: TransactionState, mediaType: string): boolean {
  const types = ruleSet.settings.responseBodyMimeTypes;
  return types ? types.has(mediaType) : ruleSet.profile === 'modsecurity3' || untoldTypes.has(mediaType);
}

/** All that one transaction came to, as plain values. */
export interface TransactionResult {
  readonly id: string;
  readonly interruption: Interruption | undefined;
  /** What would have been done, when the engine only detects. */
  readonly detected: Interruption | undefined;
  readonly matched: readonly MatchedRule[];
  /** Rules whose step budget was used up. */
  readonly limits: readonly { readonly ruleId: number; readonly variable: string }[];
  /** Why the request's body could not be read, where that is so: the rules decide what follows (REQBODY_ERROR). */
  readonly bodyError: string | undefined;
  /** TX members whose names hold "score", for example anomaly scores by category and paranoia level. */
  readonly scores: Readonly<Record<string, number>>;
  /** What the audit log is to say; undefined when SecAuditEngine wants no entry. */
  readonly audit: AuditRecord | undefined;
}

/**
 * One request and its response, in order: requestHeaders, requestBodyChunk…, requestBody, responseHeaders,
 * responseBodyChunk…, responseBody, finish. Each step returns the interruption as soon as there is one.
 */
export class Transaction {
  readonly #state: TransactionState;
  readonly #prefilter: RulePrefilter | undefined;
  readonly #folded: Folded | undefined;
  readonly #requestChunks: string[] = [];
  #requestBytes = 0;
  #isRequestPartial = false;
  readonly #responseChunks: string[] = [];
  #responseBytes = 0;
  #wantsResponseBody = false;
  #isResponseInspected = false;
  #isResponseOpen = false;
  #isFinished = false;
  #audit: AuditRecord | undefined;

  constructor(state: TransactionState, prefilter: RulePrefilter | undefined, folded: Folded | undefined) {
    this.#state = state;
    this.#prefilter = prefilter;
    this.#folded = folded;
  }

  /** For explanations and tests. */
  get state(): TransactionState {
    return this.#state;
  }

  get interruption(): Interruption | undefined {
    return this.#state.interruption;
  }

  get wantsRequestBody(): boolean {
    return this.#isActive() && this.#state.requestBodyAccess;
  }

  /** True after responseHeaders when the response's media type is to be inspected. */
  get wantsResponseBody(): boolean {
    return this.#isActive() && this.#wantsResponseBody;
  }

  requestHeaders(head: RequestHead): Interruption | undefined {
    if (this.#state.engineMode === 'Off') {
      this.#state.trace?.(4, 'Rule engine disabled, returning...');
      return undefined;
    }
    readRequestHead(this.#state, head);
    this.#run(1);
    return this.#state.interruption;
  }

  /** @returns an interruption when the body grows over its limit and the limit's action is Reject */
  requestBodyChunk(chunk: Uint8Array): Interruption | undefined {
    const state = this.#state;
    if (!this.wantsRequestBody || this.#isRequestPartial) return state.interruption;
    const room = state.requestBodyLimit - this.#requestBytes;
    const isOver = chunk.byteLength > room;
    const taken = isOver ? chunk.subarray(0, Math.max(0, room)) : chunk;
    this.#requestChunks.push(toLatin1(taken));
    this.#requestBytes += taken.byteLength;
    if (!isOver) return undefined;
    this.#isRequestPartial = true;
    state.setList('INBOUND_DATA_ERROR', [new Target('', '1')]);
    if (state.ruleSet.settings.requestBodyLimitAction === 'Reject' && state.engineMode === 'On') {
      state.interruption ??= {
        kind: 'deny',
        status: state.ruleSet.profile === 'modsecurity3' ? 403 : 413,
        url: undefined,
        ruleId: 0,
        phase: 1,
        reason: `request body is larger than ${state.requestBodyLimit} bytes (SecRequestBodyLimit)`,
      };
    }
    return state.interruption;
  }

  /** The request is complete: run phase 2. */
  requestBody(): Interruption | undefined {
    if (!this.#isActive()) return this.#state.interruption;
    readRequestBody(this.#state, this.#requestChunks.join(''));
    this.#run(2);
    return this.#state.interruption;
  }

  /** Bytes of the body so far. */
  get requestBytes(): number {
    return this.#requestBytes;
  }

  /** What the application is to get instead of the body that was read; a body over its limit stays as it came. */
  get rewrittenRequestBody(): Buffer | undefined {
    const body = this.#state.rewrittenRequest;
    return body === undefined || this.#isRequestPartial ? undefined : Buffer.from(body, 'latin1');
  }

  /** What to do to the response's body, asked for before its first byte leaves. */
  get responseEdits(): ResponseEdits | undefined {
    return responseEdits(this.#state);
  }

  /** What another thread with the same rules needs to run phase 2 instead of `requestBody`. */
  exportRequest(): RequestHandover {
    return { state: exportState(this.#state), body: this.#requestChunks };
  }

  /** In that thread: be the transaction that was handed over. */
  importRequest({ state, body }: RequestHandover): void {
    importState(this.#state, state);
    this.#requestChunks.push(...body);
  }

  /** Back in the first thread: phase 2 is done, and this is what came of it. Too late when the client has gone. */
  adoptRequest(state: Handover): Interruption | undefined {
    if (this.#isActive()) importState(this.#state, state);
    return this.#state.interruption;
  }

  responseHeaders(head: ResponseHead): Interruption | undefined {
    if (!this.#isActive()) return this.#state.interruption;
    const state = this.#state;
    const headers = head.headers.map(([name, value]) => new Target(name, value));
    const header = (name: string): string => headers.find((candidate) => candidate.lowerKey === name)?.value ?? '';
    state.setList('RESPONSE_HEADERS', headers);
    for (const [name, value] of [
      ['RESPONSE_STATUS', String(head.status)],
      ['RESPONSE_PROTOCOL', head.protocol],
      ['STATUS_LINE', `${head.protocol} ${head.status}`],
      ['RESPONSE_CONTENT_TYPE', header('content-type')],
      ['RESPONSE_CONTENT_LENGTH', header('content-length')],
    ] as const) {
      state.setList(name, [new Target('', value)]);
    }
    forgetDerived(state);
    if (state.allowed === 'request') state.allowed = 'none';
    this.#isResponseOpen = true;
    this.#run(3);
    const type = header('content-type').split(';')[0]!.trim().toLowerCase();
    this.#isResponseInspected = state.responseBodyAccess && isInspected(state, type === '' ? 'null' : type);
    if (state.responseBodyAccess && !this.#isResponseInspected)
      state.trace?.(5, `Response Content-Type is ${type}. It is not marked to be inspected.`);
    // ModSecurity 3 refuses a long response even when it does not look into it.
    const isCounted = state.ruleSet.profile === 'modsecurity3' && state.ruleSet.settings.responseBodyLimitAction === 'Reject';
    this.#wantsResponseBody = this.#isResponseInspected || isCounted;
    return state.interruption;
  }

  /** @returns an interruption when the body grows over its limit and the limit's action is Reject */
  responseBodyChunk(chunk: Uint8Array): Interruption | undefined {
    const state = this.#state;
    if (!this.wantsResponseBody) return state.interruption;
    const room = state.responseBodyLimit - this.#responseBytes;
    const isOver = chunk.byteLength > room;
    const taken = isOver ? chunk.subarray(0, Math.max(0, room)) : chunk;
    this.#responseChunks.push(toLatin1(taken));
    this.#responseBytes += taken.byteLength;
    if (!isOver) return undefined;
    state.setList('OUTBOUND_DATA_ERROR', [new Target('', '1')]);
    if (state.ruleSet.settings.responseBodyLimitAction === 'Reject' && state.engineMode === 'On') {
      const reason = `response body is larger than ${state.responseBodyLimit} bytes (SecResponseBodyLimit)`;
      state.interruption ??= {
        kind: 'deny',
        status: state.ruleSet.profile === 'modsecurity3' ? 403 : 500,
        url: undefined,
        ruleId: 0,
        phase: 4,
        reason,
      };
    }
    return state.interruption;
  }

  /** The response is complete: run phase 4. */
  responseBody(): Interruption | undefined {
    if (!this.#isActive()) return this.#state.interruption;
    this.#isResponseOpen = false;
    if (this.#isResponseInspected) {
      const body = this.#responseChunks.join('');
      this.#state.setList('RESPONSE_BODY', [new Target('', body)]);
      if (this.#state.ruleSet.settings.hasOutputStream) this.#state.setList('STREAM_OUTPUT_BODY', [new Target('', body)]);
      if (this.#state.lists.get('RESPONSE_CONTENT_LENGTH')?.[0]?.value === '')
        this.#state.setList('RESPONSE_CONTENT_LENGTH', [new Target('', String(body.length))]);
    }
    forgetDerived(this.#state);
    this.#run(4);
    return this.#state.interruption;
  }

  /**
   * Run phase 5, keep persistent collections, and say what happened. Further calls return the same. A response that was
   * streamed to the client has its phase 4 now: its rules match and count, but it is too late to stop anything.
   */
  finish(): TransactionResult {
    const state = this.#state;
    if (!this.#isFinished && state.engineMode !== 'Off') {
      if (this.#isResponseOpen) {
        state.isResponseSent = true;
        this.responseBody();
      }
      // What the client was told instead of the application's answer.
      if (state.interruption) state.setList('RESPONSE_STATUS', [new Target('', String(state.interruption.status))]);
      state.dropCaches();
      runPhase(state, 5, this.#prefilter, this.#folded?.phases[5]);
      saveCollections(state);
      this.#audit = auditOf(state, { request: this.#requestChunks.join(''), response: this.#responseChunks.join('') });
      dropUploads(state, this.#audit !== undefined);
    }
    this.#isFinished = true;
    return new Result(state, this.#audit);
  }

  /** A body the adapter could not read, for example cut off by the client. */
  requestBodyFailed(reason: string): void {
    bodyError(this.#state, reason);
  }

  #isActive(): boolean {
    const state = this.#state;
    return !this.#isFinished && state.engineMode !== 'Off' && state.interruption === undefined && state.allowed !== 'transaction';
  }

  #run(phase: 1 | 2 | 3 | 4): void {
    if (!this.#isActive() || (this.#state.allowed === 'request' && phase <= 2)) return;
    runPhase(this.#state, phase, this.#prefilter, this.#folded?.phases[phase]);
  }
}

class Result implements TransactionResult {
  readonly id: string;
  readonly interruption: Interruption | undefined;
  readonly detected: Interruption | undefined;
  readonly matched: readonly MatchedRule[];
  readonly limits: TransactionResult['limits'];
  readonly bodyError: string | undefined;
  readonly audit: AuditRecord | undefined;
  readonly #tx: TransactionState['tx'];

  constructor(state: TransactionState, audit: AuditRecord | undefined) {
    this.audit = audit;
    this.id = state.id;
    this.interruption = state.interruption;
    this.detected = state.detected;
    this.matched = state.matched;
    this.limits = state.limits;
    this.bodyError = state.lists.get('REQBODY_ERROR_MSG')?.[0]?.value;
    this.#tx = state.tx;
  }

  /** Made when asked for: most results are only looked at for their interruption. */
  get scores(): Readonly<Record<string, number>> {
    const scores: Record<string, number> = {};
    for (const [key, { value }] of this.#tx) if (key.includes('score') && /^-?\d+$/.test(value)) scores[key] = Number(value);
    return scores;
  }
}

function toLatin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
