/** One request as policies, routes and logs see it: what was parsed and normalised, never the bytes. */
import type { AuthzFacts, ConnectionFacts, RequestFacts } from '../facts.ts';
import type { Address } from '../net/address.ts';
import type { Head } from './head.ts';

const interned = new Map<string, Uint8Array>();

export function nameBytes(lower: string): Uint8Array {
  let bytes = interned.get(lower);
  if (bytes === undefined) {
    bytes = Buffer.from(lower, 'latin1');
    // Names come from configuration; the bound is for configuration that never stops changing.
    if (interned.size < 10_000) interned.set(lower, bytes);
  }
  return bytes;
}

export class RequestState implements RequestFacts, AuthzFacts {
  readonly head: Head;
  readonly connection: ConnectionFacts;
  readonly remote: Address;
  readonly method: string;
  readonly authority: string;
  path: string;
  metadata: Record<string, unknown> | undefined;
  /** Set by filters: fields that must not reach the upstream, fields it must get. */
  readonly removed: string[] = [];
  readonly added: { name: string; value: string }[] = [];

  constructor(head: Head, connection: ConnectionFacts, remote: Address, path: string, authority: string) {
    this.head = head;
    this.connection = connection;
    this.remote = remote;
    this.method = head.method;
    this.path = path;
    this.authority = authority;
  }

  get request(): RequestFacts {
    return this;
  }

  values(name: string): readonly string[] {
    if (name.charCodeAt(0) === 58) return this.#pseudo(name);
    return this.head.values(nameBytes(name));
  }

  /** As logs show a field: all its values. */
  joined(name: string): string | undefined {
    return this.head.joined(nameBytes(name));
  }

  #pseudo(name: string): readonly string[] {
    if (name === ':method') return [this.method];
    if (name === ':path') return [this.path];
    if (name === ':authority') return [this.authority];
    if (name === ':scheme') return [this.connection.isTls ? 'https' : 'http'];
    return [];
  }
}

export interface LocalReply {
  readonly status: number;
  readonly body: string;
  readonly headers?: readonly string[];
  /** Envoy's RESPONSE_FLAGS and RESPONSE_CODE_DETAILS. */
  readonly flags?: string;
  readonly details: string;
}

export type HttpFilter = (state: RequestState) => LocalReply | undefined | Promise<LocalReply | undefined>;
