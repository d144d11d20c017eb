import type { AddressRange, Family } from '../address.ts';
import type { CompiledPod, PodClass } from '../model.ts';

/** Pods, or outside addresses, that no policy can tell apart. */
export type ConnectivityPeer =
  | { readonly kind: 'pods'; readonly pods: readonly CompiledPod[]; readonly class: PodClass }
  | { readonly kind: 'addresses'; readonly range: AddressRange };

/** A peer and where its addresses lie. */
export interface Atom {
  readonly peer: ConnectivityPeer;
  /** Range of a policy's ipBlocks, by family, in which the peer's address lies. */
  readonly cells: Readonly<Partial<Record<Family, AddressRange>>>;
}
