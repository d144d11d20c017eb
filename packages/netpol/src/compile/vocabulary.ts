import type { NamedPort, ParsedPolicy, PodFact } from '../model.ts';
import type { Labels, Selector } from '../selector.ts';

interface Words {
  readonly labelKeys: ReadonlySet<string>;
  readonly portNames: ReadonlySet<string>;
}

function wordsOf(policy: ParsedPolicy): Words {
  const labelKeys = new Set<string>();
  const portNames = new Set<string>();
  const learn = (selector: Selector) => {
    for (const requirement of selector.requirements) labelKeys.add(requirement.key);
  };
  learn(policy.subject.pods);
  for (const rule of [...(policy.ingress ?? []), ...(policy.egress ?? [])]) {
    for (const peer of rule.peers ?? []) if (peer.kind === 'pods') learn(peer.pods);
    for (const port of rule.ports ?? []) if ('name' in port) portNames.add(port.name);
  }
  return { labelKeys, portNames };
}

/** How many policies use each word, and which words came or went since the last look. */
class Counter {
  readonly #counts = new Map<string, number>();
  readonly #changed = new Set<string>();

  count(words: Iterable<string>, by: 1 | -1): void {
    for (const word of words) {
      const before = this.#counts.get(word) ?? 0;
      const after = before + by;
      if (after === 0) this.#counts.delete(word);
      else this.#counts.set(word, after);
      if (before > 0 === after > 0) continue;
      // Gone and back again is no change.
      if (!this.#changed.delete(word)) this.#changed.add(word);
    }
  }

  has(word: string): boolean {
    return this.#counts.has(word);
  }

  takeChanges(): ReadonlySet<string> {
    const changed = new Set(this.#changed);
    this.#changed.clear();
    return changed;
  }
}

/** What policies can see of pods: the label keys and port names that any of them mentions. */
export class Vocabulary {
  readonly #labelKeys = new Counter();
  readonly #portNames = new Counter();

  learn(policy: ParsedPolicy): void {
    this.#count(policy, 1);
  }

  forget(policy: ParsedPolicy): void {
    this.#count(policy, -1);
  }

  #count(policy: ParsedPolicy, by: 1 | -1): void {
    const { labelKeys, portNames } = wordsOf(policy);
    this.#labelKeys.count(labelKeys, by);
    this.#portNames.count(portNames, by);
  }

  /** @returns whether a pod must be classified anew, for the words learnt or forgotten since the last call; undefined: none */
  takeChanges(): ((pod: PodFact) => boolean) | undefined {
    const [keys, names] = [this.#labelKeys.takeChanges(), this.#portNames.takeChanges()];
    if (keys.size === 0 && names.size === 0) return undefined;
    return ({ labels, ports }) => {
      for (const key of keys) if (Object.hasOwn(labels, key)) return true;
      return names.size > 0 && ports.some((port) => names.has(port.name));
    };
  }

  /** Pods with equal keys get equal verdicts from every policy the vocabulary was learnt from. */
  classKey({ namespace, labels, ports }: PodFact): string {
    const parts = [namespace, ...Object.entries(this.labelsOf(labels)).flat()];
    const seen = this.portsOf(ports).map((port) => `${port.protocol}/${port.name}=${port.port}`);
    if (seen.length > 0) parts.push('', ...seen.sort());
    return parts.join('\0');
  }

  /** The labels that policies see, by key. */
  labelsOf(labels: Labels): Labels {
    const seen: Record<string, string> = {};
    for (const key of Object.keys(labels).sort()) if (this.#labelKeys.has(key)) seen[key] = labels[key]!;
    return seen;
  }

  portsOf(ports: readonly NamedPort[]): readonly NamedPort[] {
    return ports.filter((port) => this.#portNames.has(port.name));
  }
}
