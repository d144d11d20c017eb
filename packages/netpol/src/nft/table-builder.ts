import { type AddressRange, formatRange } from '../address.ts';
import type { PodClass } from '../model.ts';
import type { AddressBook } from './address-book.ts';
import { type LogMeaning, LogRegistry, logGroup, shortHash } from './log-prefix.ts';
import type { NftChain, NftMap, NftRuleset, NftSet } from './ruleset.ts';

export const families = [4, 6] as const;
export type SetFamily = (typeof families)[number];

const addressType = { 4: 'ipv4_addr', 6: 'ipv6_addr' } as const;
const ipKeyword = { 4: 'ip', 6: 'ip6' } as const;

/** `ip saddr`, `ip6 daddr`. */
export function addressField(family: SetFamily, side: 'saddr' | 'daddr'): string {
  return `${ipKeyword[family]} ${side}`;
}

const selfReturns = families.map((f) => `${addressField(f, 'saddr')} . ${addressField(f, 'daddr')} @self${f} return`);

/**
 * Collects sets, maps and chains. Chains that carry policy are named by their content and sets of pods by the selectors
 * they stand for, so that a change of the cluster changes elements and few names, and equal parts are shared.
 */
export class TableBuilder {
  readonly #table: string;
  readonly #book: AddressBook;
  readonly #sets = new Map<string, NftSet>();
  readonly #maps = new Map<string, NftMap & { elements: Map<string, string> }>();
  readonly #chains = new Map<string, NftChain>();
  readonly #contents = new Map<string, string>();
  readonly log = new LogRegistry();

  constructor(table: string, book: AddressBook) {
    this.#table = table;
    this.#book = book;
  }

  #named(prefix: string, content: string): string {
    const name = `${prefix}_${shortHash(content)}`;
    const known = this.#contents.get(name);
    if (known !== undefined && known !== content) throw new Error(`Cannot name a set or chain: ${name} stands for two contents`);
    this.#contents.set(name, content);
    return name;
  }

  /** A set of the addresses of the pods of some classes. `key` says which; equal keys must mean equal classes. */
  podSet(family: SetFamily, key: string, classes: () => Iterable<PodClass>): string {
    const name = this.#named(`s${family}`, key);
    if (!this.#sets.has(name)) {
      const elements = new Set<string>();
      for (const podClass of classes())
        for (const address of this.#book.ofClass(podClass)[family === 4 ? 'v4' : 'v6']) elements.add(address);
      this.#sets.set(name, { type: addressType[family], elements });
    }
    return name;
  }

  /** A set of address ranges of one family, already disjoint: overlapping intervals would be refused by the kernel. */
  rangeSet(family: SetFamily, ranges: readonly AddressRange[]): string {
    const elements = ranges.map(formatRange);
    const name = this.#named(`r${family}`, elements.join(','));
    this.#sets.set(name, { type: addressType[family], isInterval: true, elements: new Set(elements) });
    return name;
  }

  set(name: string, type: string, elements: Iterable<string>): void {
    this.#sets.set(name, { type, elements: new Set(elements) });
  }

  verdictMap(name: string, type: string): Map<string, string> {
    const elements = new Map<string, string>();
    this.#maps.set(name, { type, elements });
    return elements;
  }

  baseChain(name: string, hook: string, rules: readonly string[]): void {
    this.#chains.set(name, { hook, rules });
  }

  chain(name: string, rules: readonly string[]): void {
    this.#chains.set(name, { rules });
  }

  /** @returns the chain's name, made from its content */
  policyChain(prefix: string, rules: readonly string[]): string {
    const name = this.#named(prefix, rules.join('\n'));
    this.#chains.set(name, { rules });
    return name;
  }

  /**
   * The end of a forbidden packet: logged, counted, dropped. An established TCP connection (allowed until a policy changed)
   * is reset instead, so that the sender learns at once; its own reset then passes, which tells the other side.
   *
   * @param canBeSelf whether a pod's packet to itself (through a Service) may arrive here: it returns as allowed
   */
  denial(meaning: LogMeaning, canBeSelf: boolean): string {
    const prefix = this.log.prefixFor(meaning);
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
    const log = `log prefix "${this.log.prefixFor(meaning)}" group ${logGroup} snaplen 96`;
    return this.policyChain('a', [...selfReturns, `ct state new limit rate 200/second burst 400 packets ${log}`]);
  }

  build(): NftRuleset {
    return { table: this.#table, sets: this.#sets, maps: this.#maps, chains: this.#chains };
  }
}

export { addressType };
