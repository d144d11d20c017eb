import { createHash } from 'node:crypto';
import { type PolicyRef, Verdict } from '@palisade/flow';
import type { Direction } from '../model.ts';

/** NFLOG group of everything this table logs. */
export const logGroup = 5;

/** What a logged id stands for. The packet itself tells the addresses. */
export interface LogMeaning {
  readonly verdict: Verdict;
  readonly direction: Direction;
  readonly reason: string;
  /** The policy that decided; for packets that no rule allows, the first that isolates. */
  readonly policy?: PolicyRef;
  readonly isolatedBy: readonly PolicyRef[];
}

export type LogIds = ReadonlyMap<string, LogMeaning>;

/** 12 hex digits of SHA-256: the same content has the same name in every rendering, so unchanged parts are not replaced. */
export function shortHash(content: string): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 12);
}

/** Collects what is denied, or would be in audit mode, and hands out ids; two meanings never share one. */
export class LogRegistry {
  readonly #meanings = new Map<string, LogMeaning>();

  /** @returns the log prefix, at most 16 of the 127 characters the kernel takes */
  prefixFor(meaning: LogMeaning): string {
    const content = JSON.stringify(meaning);
    const id = shortHash(content);
    const known = this.#meanings.get(id);
    if (known && JSON.stringify(known) !== content) throw new Error(`Cannot name a denial: id ${id} stands for two meanings`);
    this.#meanings.set(id, meaning);
    return `${meaning.verdict === Verdict.audit ? 'U' : 'D'}|${meaning.direction === 'ingress' ? 'I' : 'E'}|${id}`;
  }

  get ids(): LogIds {
    return this.#meanings;
  }
}

/** Allowed first packets, logged after every check has passed: forwarded, or accepted by the node itself. */
export const acceptedPrefix = { forwarded: 'A|F|', node: 'A|N|' } as const;

export type LoggedEvent = { readonly kind: 'denied'; readonly id: string } | { readonly kind: 'accepted' };

/** Reads a prefix that this table wrote; `undefined` for any other text. */
export function parseLogPrefix(prefix: string): LoggedEvent | undefined {
  const match = /^(?:[DU]\|[IE]\|([0-9a-f]{12})|A\|[FN]\|)$/.exec(prefix);
  if (!match) return undefined;
  return match[1] === undefined ? { kind: 'accepted' } : { kind: 'denied', id: match[1] };
}
