import { canonicalAddress } from '../address.ts';
import type { PodDraft } from './drafts.ts';

/** Texts that are no address are left out: no packet can carry them, and a bad status must not stop the compiler. */
export function validAddresses(texts: readonly string[]): string[] {
  return [...new Set(texts.map(canonicalAddress).filter((address) => address !== undefined))];
}

/** Which pod an address belongs to. One that two pods claim belongs to nobody. */
export class AddressClaims {
  readonly owners = new Map<string, PodDraft | 'conflict'>();
  readonly conflicts = new Map<string, Set<PodDraft>>();

  /** @returns the pod that lost an address by it */
  claim(address: string, pod: PodDraft): PodDraft[] {
    const owner = this.owners.get(address);
    if (owner === undefined) {
      this.owners.set(address, pod);
      return [];
    }
    if (owner === 'conflict') {
      this.conflicts.get(address)!.add(pod);
      return [];
    }
    this.owners.set(address, 'conflict');
    this.conflicts.set(address, new Set([owner, pod]));
    return [owner];
  }

  /** @returns the pod that has the address for itself now */
  release(address: string, pod: PodDraft): PodDraft[] {
    const claimants = this.conflicts.get(address);
    if (claimants === undefined) {
      this.owners.delete(address);
      return [];
    }
    claimants.delete(pod);
    if (claimants.size > 1) return [];
    const [winner] = claimants;
    this.conflicts.delete(address);
    this.owners.set(address, winner!);
    return [winner!];
  }

  /** The part of a pod's claims that is its alone. */
  ownedBy(pod: PodDraft): readonly string[] {
    return pod.claims.every((address) => this.owners.get(address) === pod)
      ? pod.claims
      : pod.claims.filter((address) => this.owners.get(address) === pod);
  }
}
