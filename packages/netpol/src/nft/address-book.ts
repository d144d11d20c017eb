import { canonicalAddress } from '../address.ts';
import type { CompiledPod, CompiledPolicies, PodClass } from '../model.ts';

/** A pod as its node's network knows it. */
export interface NodeViewPod {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly ips: readonly string[];
  /** The pod's veth on this node (`v…`); null when the pod lives on another node. */
  readonly ifname: string | null;
  readonly isLocal: boolean;
}

export interface NodeView {
  readonly nodeName: string;
  readonly pods: readonly NodeViewPod[];
  readonly nodeAddresses: readonly string[];
  /** Must be those given to the compiler; listed here so that a mismatch is found before it cuts off DNS. */
  readonly dnsServiceIPs?: readonly string[];
}

export interface LocalPod {
  readonly ifname: string;
  readonly pod: CompiledPod;
}

export interface Addresses {
  readonly v4: readonly string[];
  readonly v6: readonly string[];
}

/**
 * Which address belongs to which pod, from the snapshot and from the node itself, which knows a new pod's addresses
 * before the API does. An address that two pods claim belongs to nobody.
 */
export class AddressBook {
  readonly conflicts = new Set<string>();
  readonly #owners = new Map<string, CompiledPod>();
  readonly #byPod = new Map<CompiledPod, string[]>();
  readonly #byClass = new Map<PodClass, Addresses>();
  readonly locals: readonly LocalPod[];

  constructor(compiled: CompiledPolicies, view: NodeView) {
    for (const [address, owner] of compiled.podByAddress) {
      if (owner === 'conflict') this.conflicts.add(address);
      else this.#claim(address, owner);
    }
    const locals: LocalPod[] = [];
    for (const seen of view.pods) {
      const pod = compiled.podByName.get(`${seen.namespace}/${seen.name}`);
      // A pod of the same name but another uid is another pod: the one seen here is not in the snapshot yet.
      if (!pod?.class || (pod.fact.uid !== undefined && pod.fact.uid !== seen.uid)) continue;
      for (const ip of seen.ips) {
        const address = canonicalAddress(ip);
        if (address === undefined)
          throw new RangeError(`Cannot use address "${ip}" of pod ${seen.namespace}/${seen.name}: expected IPv4 or IPv6`);
        this.#claim(address, pod);
      }
      if (seen.isLocal && seen.ifname !== null) locals.push({ ifname: seen.ifname, pod });
    }
    this.locals = locals;
  }

  #claim(address: string, pod: CompiledPod): void {
    const owner = this.#owners.get(address);
    if (owner === pod || this.conflicts.has(address)) return;
    if (owner) {
      this.conflicts.add(address);
      this.#owners.delete(address);
      return;
    }
    this.#owners.set(address, pod);
    const list = this.#byPod.get(pod);
    if (list) list.push(address);
    else this.#byPod.set(pod, [address]);
  }

  /** Addresses that belong to this pod alone. */
  ofPod(pod: CompiledPod): readonly string[] {
    return (this.#byPod.get(pod) ?? []).filter((address) => !this.conflicts.has(address));
  }

  hasConflict(pod: CompiledPod): boolean {
    return [...(this.#byPod.get(pod) ?? []), ...pod.fact.ips.map((ip) => canonicalAddress(ip) ?? ip)].some((address) =>
      this.conflicts.has(address),
    );
  }

  ofClass(podClass: PodClass): Addresses {
    let addresses = this.#byClass.get(podClass);
    if (!addresses) {
      const all = podClass.pods.flatMap((pod) => this.ofPod(pod));
      addresses = { v4: all.filter((a) => !a.includes(':')), v6: all.filter((a) => a.includes(':')) };
      this.#byClass.set(podClass, addresses);
    }
    return addresses;
  }
}
