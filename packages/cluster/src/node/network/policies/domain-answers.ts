import type { Clock } from '@palisade/kubernetes/client';

export interface DomainAnswersOptions {
  clock: Clock;
  signal: AbortSignal;
  /** Whether a connection to the address is still open. */
  isInUse(address: string): Promise<boolean>;
  /** Told when addresses that counted do so no longer. */
  onExpired(): void;
}

/** What DNS has answered lately: the addresses that `domainNames` of policies stand for. */
export interface DomainAnswers {
  /** Name (lower case, no final dot) → addresses. The same map until something changes. */
  readonly current: ReadonlyMap<string, readonly string[]>;
  /** @returns whether an address is new for its name */
  observe(name: string, addresses: readonly string[], ttlSeconds: number): boolean;
}

/** A client may connect in the last moment of an answer's life; the handshake is given this long. */
const GRACE_MS = 5_000;
/** Names beyond this are forgotten oldest first: whoever asks for made-up names must not fill the memory. */
const MAX_NAMES = 1_000;

/**
 * An address counts for a name while its answer lives, and after that as long as a connection to it is open: DNS allows clients to
 * go on using what they are connected to. What was never asked for stands for nothing.
 */
export function createDomainAnswers({ clock, signal, isInUse, onExpired }: DomainAnswersOptions): DomainAnswers {
  const untilMs = new Map<string, Map<string, number>>();
  /** Made when it is asked for. */
  let current: ReadonlyMap<string, readonly string[]> | undefined;
  let cancel: (() => void) | undefined;

  function scheduleNext(): void {
    cancel?.();
    cancel = undefined;
    if (signal.aborted || untilMs.size === 0) return;
    const next = Math.min(...[...untilMs.values()].flatMap((addresses) => [...addresses.values()]));
    cancel = clock.after(Math.max(next - clock.now().getTime(), GRACE_MS), () => void expire());
  }

  async function expire(): Promise<void> {
    const now = clock.now().getTime();
    const due = [...untilMs].flatMap(([name, addresses]) =>
      [...addresses].filter(([, until]) => until <= now).map(([address]) => ({ name, address })),
    );
    const used = new Map(
      await Promise.all([...new Set(due.map(({ address }) => address))].map(async (one) => [one, await isInUse(one)] as const)),
    );
    let hasChanged = false;
    for (const { name, address } of due) {
      const addresses = untilMs.get(name);
      // It may have been answered again meanwhile.
      if (addresses === undefined || (addresses.get(address) ?? 0) > now) continue;
      if (used.get(address)) {
        addresses.set(address, now + GRACE_MS);
        continue;
      }
      addresses.delete(address);
      if (addresses.size === 0) untilMs.delete(name);
      hasChanged = true;
    }
    if (hasChanged) {
      current = undefined;
      onExpired();
    }
    scheduleNext();
  }
  signal.addEventListener('abort', () => cancel?.(), { once: true });

  return {
    get current() {
      current ??= new Map([...untilMs].map(([name, addresses]) => [name, [...addresses.keys()]]));
      return current;
    },
    observe(name, addresses, ttlSeconds) {
      const known = untilMs.get(name) ?? new Map<string, number>();
      const isNew = addresses.some((address) => !known.has(address));
      const until = clock.now().getTime() + ttlSeconds * 1000 + GRACE_MS;
      for (const address of addresses) known.set(address, until);
      untilMs.delete(name);
      if (known.size > 0) untilMs.set(name, known);
      const [oldest] = untilMs.keys();
      if (untilMs.size > MAX_NAMES) untilMs.delete(oldest!);
      if (isNew) current = undefined;
      if (cancel === undefined) scheduleNext();
      return isNew;
    },
  };
}
