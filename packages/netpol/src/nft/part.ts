import { type AddressRange, formatRange } from '../address.ts';
import { AddressSet } from '../compile/address-set.ts';
import { familyOf } from '../compile/drafts.ts';
import type { PodClass, Selection } from '../model.ts';
import { type LogIds, type LogMeaning, LogRegistry, logGroup, shortHash } from './log-prefix.ts';
import type { NftChain, NftSet } from './ruleset.ts';

export const families = [4, 6] as const;
export type SetFamily = (typeof families)[number];

export const addressType = { 4: 'ipv4_addr', 6: 'ipv6_addr' } as const;
const ipKeyword = { 4: 'ip', 6: 'ip6' } as const;

/** `ip saddr`, `ip6 daddr`. */
export function addressField(family: SetFamily, side: 'saddr' | 'daddr'): string {
  return `${ipKeyword[family]} ${side}`;
}

const selfReturns = families.map((f) => `${addressField(f, 'saddr')} . ${addressField(f, 'daddr')} @self${f} return`);

/** Chains that belong together, with the sets they read and what their log prefixes mean. The same on every node that needs them. */
export interface Part {
  readonly chains: ReadonlyMap<string, NftChain>;
  readonly sets: ReadonlyMap<string, NftSet>;
  readonly logIds: LogIds;
  /** False once something the part was made from has changed. */
  isCurrent(): boolean;
}

/**
 * Collects a part. Chains that carry policy are named by their content and sets by what they stand for, so that a change of the
 * cluster changes elements and few names, and equal parts are shared.
 */
export class PartBuilder implements Part {
  readonly chains = new Map<string, NftChain>();
  readonly sets = new Map<string, NftSet>();
  readonly #contents = new Map<string, string>();
  readonly #log = new LogRegistry();
  readonly #checks: (() => boolean)[] = [];

  get logIds(): LogIds {
    return this.#log.ids;
  }

  isCurrent(): boolean {
    return this.#checks.every((check) => check());
  }

  /** The part was made from a value that changes. */
  dependOn<T>(read: () => T): void {
    const then = read();
    this.#checks.push(() => read() === then);
  }

  #named(prefix: string, content: string): string {
    const name = `${prefix}_${shortHash(content)}`;
    const known = this.#contents.get(name);
    if (known !== undefined && known !== content) throw new Error(`Cannot name a set or chain: ${name} stands for two contents`);
    this.#contents.set(name, content);
    return name;
  }

  /** The addresses of a selection's pods, as they come and go. */
  podSet(family: SetFamily, selection: Selection): string {
    const name = this.#named(`s${family}`, selection.key);
    this.sets.set(name, { type: addressType[family], source: selection.addresses(family) });
    return name;
  }

  /** The addresses of some classes of a selection, as they are now. `key` says which. */
  subset(family: SetFamily, key: string, classes: readonly PodClass[]): string {
    const addresses = classes.flatMap((podClass) => podClass.pods.flatMap((pod) => pod.addresses));
    const name = this.#named(`s${family}`, key);
    const source = new AddressSet(addresses.filter((address) => familyOf(address) === family));
    this.sets.set(name, { type: addressType[family], source });
    return name;
  }

  /** Address ranges of one family, already disjoint: overlapping intervals would be refused by the kernel. */
  rangeSet(family: SetFamily, ranges: readonly AddressRange[]): string {
    const elements = ranges.map(formatRange);
    const name = this.#named(`r${family}`, elements.join(','));
    this.sets.set(name, { type: addressType[family], isInterval: true, source: new AddressSet(elements) });
    return name;
  }

  /** Single addresses that something outside of the pods stands for now (nodes, a name of the DNS). `key` says what. */
  foundSet(family: SetFamily, key: string, ranges: readonly AddressRange[]): string {
    const name = this.#named(`f${family}`, key);
    this.sets.set(name, { type: addressType[family], source: new AddressSet(ranges.map(formatRange)) });
    return name;
  }

  /** A chain under its own name, with a hook if it is a base chain. */
  chain(name: string, rules: readonly string[], hook?: string): void {
    this.chains.set(name, { rules, ...(hook !== undefined && { hook }) });
  }

  /** @returns the chain's name, made from its content */
  policyChain(prefix: string, rules: readonly string[]): string {
    const name = this.#named(prefix, rules.join('\n'));
    this.chains.set(name, { rules });
    return name;
  }

  /**
   * The end of a forbidden packet: logged, counted, dropped. An established TCP connection (allowed until a policy changed)
   * is reset instead, so that the sender learns at once; its own reset then passes, which tells the other side.
   *
   * @param canBeSelf whether a pod's packet to itself (through a Service) may arrive here: it returns as allowed
   */
  denial(meaning: LogMeaning, canBeSelf: boolean): string {
    const prefix = this.#log.prefixFor(meaning);
    const self = canBeSelf ? selfReturns : [];
    return this.policyChain('d', [
      ...self,
      'ct state established tcp flags & rst == rst accept',
      `limit rate 1000/second burst 2000 packets log prefix "${prefix}" group ${logGroup} snaplen 96`,
      'ct state established meta l4proto tcp counter reject with tcp reset',
      'counter drop',
    ]);
  }

  /** Records what a policy in audit mode would deny; the packet returns as allowed. */
  audit(meaning: LogMeaning): string {
    const log = `log prefix "${this.#log.prefixFor(meaning)}" group ${logGroup} snaplen 96`;
    return this.policyChain('a', [...selfReturns, `ct state new limit rate 200/second burst 400 packets ${log}`]);
  }
}
