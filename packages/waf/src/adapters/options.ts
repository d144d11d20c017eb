import type { Engine } from '../engine/engine.ts';
import type { Connection, Interruption } from '../engine/transaction/state.ts';
import type { Transaction, TransactionResult } from '../engine/transaction/transaction.ts';
import type { AuditLog } from './audit/log.ts';
import type { BodyWorker } from './body-worker.ts';

/** What every adapter may be told, whatever its request looks like. */
export interface InspectOptions<Request> {
  /** The engine in force, read once a request: give a function and replace what it returns to reload rules without losing one. */
  readonly engine: Engine | (() => Engine);
  /** Judges long bodies beside the event loop; default: none, they are judged in it. */
  readonly bodyWorker?: BodyWorker;
  /** Receives what every transaction came to, after its last phase. */
  readonly onResult?: (result: TransactionResult, request: Request) => void;
  /** Where SecAuditLog's entries go; see `openAuditLog`. */
  readonly audit?: AuditLog;
  /** Receives the lines that SecDebugLogLevel asks for. */
  readonly debug?: (line: string) => void;
  /** Makes UNIQUE_ID; default: time and a counter. */
  readonly newId?: () => string;
  /** Milliseconds since 1970; default: the system clock. */
  readonly now?: () => number;
  /** REMOTE_ADDR; default: the peer of the connection. Behind a trusted proxy, read the header that this proxy sets. */
  readonly clientAddress?: (request: Request) => string | undefined;
}

/** The defaults filled in. */
export interface Inspection<Request> {
  /** A fresh transaction on the engine in force. */
  open(request: Request, connection: Connection): Transaction;
  /** The request is read: run phase 2. A promise when its body goes to the worker. */
  judgeBody(transaction: Transaction): Interruption | undefined | Promise<Interruption | undefined>;
  /** After the last phase. */
  close(transaction: Transaction, request: Request): void;
}

export function inspectionOf<Request>(options: InspectOptions<Request>): Inspection<Request> {
  const now = options.now ?? Date.now;
  const newId = options.newId ?? countingId(now);
  const { engine, bodyWorker } = options;
  const engineInForce = typeof engine === 'function' ? engine : () => engine;
  return {
    open(request, connection) {
      const clientAddress = options.clientAddress?.(request) ?? connection.clientAddress;
      const { debug } = options;
      return engineInForce().transaction({
        id: newId(),
        now,
        connection: { ...connection, clientAddress },
        ...(debug ? { debug } : {}),
      });
    },
    judgeBody: (transaction) => (bodyWorker?.wants(transaction) ? bodyWorker.judge(transaction) : transaction.requestBody()),
    close(transaction, request) {
      const result = transaction.finish();
      options.audit?.write(result);
      options.onResult?.(result, request);
    },
  };
}

function countingId(now: () => number): () => string {
  let count = 0;
  return () => `${now().toString(36)}-${(count++).toString(36)}`;
}

/** The text of an answer to a stopped request. */
export function blockedText(interruption: Interruption): string {
  return interruption.kind === 'redirect' ? '' : 'Forbidden\n';
}

/** Where a redirecting rule sends to, fit for a header. */
export function locationOf(interruption: Interruption): string | undefined {
  return interruption.url?.replace(/[^\x20-\x7e]/g, '');
}
