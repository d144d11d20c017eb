/** What the configuration of the moment says of a connection that began under an older one. */
import type { ConnectionFacts } from '../facts.ts';
import type { Chain } from './filter-chain.ts';
import { type ListenerPlace, type OpenConnection, selectChain } from './listener.ts';
import type { ChainFacts } from './match-chain.ts';

interface Standing {
  /** undefined: nothing serves it any more. */
  readonly chain: Chain | undefined;
  /** Its transport is no longer what it was: what is under way is finished, nothing new begins. */
  readonly isLast: boolean;
  /** Policies would refuse it now. */
  readonly denial: string | undefined;
}

/** @returns asked before each request and after each change; judged again only when the listener is another one */
export function followStanding(began: Chain, facts: ChainFacts, connection: ConnectionFacts, place: ListenerPlace): () => Standing {
  let seen = place.current();
  let standing: Standing = { chain: began, isLast: false, denial: undefined };
  return () => {
    const listener = place.current();
    if (listener === seen) return standing;
    seen = listener;
    const chain = listener && selectChain(listener, facts);
    const isLast = chain?.transportKey !== began.transportKey;
    const isPlainNow = chain?.tls !== undefined && began.tls === undefined;
    standing = { chain, isLast, denial: isPlainNow ? 'tls_required' : chain?.judge(connection) };
    return standing;
  };
}

/** As long as Envoy drains connections whose filter chain went (`--drain-time-s`, as Istio starts it). */
const drainMs = 5000;

/** Bytes have no next request to be judged: a denial ends them at once, a chain that went or changed its transport after a while. */
export function watchTcp(end: (why: string) => void, standing: () => Standing): OpenConnection {
  return {
    recheck() {
      const { chain, isLast, denial } = standing();
      if (denial !== undefined) end(denial);
      else if (isLast || chain?.terminal.kind !== 'tcp') setTimeout(() => end('filter_chain_gone'), drainMs).unref();
    },
  };
}
