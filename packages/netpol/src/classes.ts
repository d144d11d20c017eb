import type { NamedPort, NamespaceFact, ParsedPolicy, PodFact } from './model.ts';
import { everything, type Labels, type Requirement, type Selector, selectorMatches } from './selector.ts';

/** What policies can see of pods: the label keys and port names that any of them mentions. */
export interface Vocabulary {
  readonly labelKeys: readonly string[];
  readonly portNames: ReadonlySet<string>;
}

export function vocabularyOf(policies: readonly ParsedPolicy[]): Vocabulary {
  const labelKeys = new Set<string>();
  const portNames = new Set<string>();
  const learn = (selector: Selector) => {
    for (const requirement of selector.requirements) labelKeys.add(requirement.key);
  };
  for (const policy of policies) {
    learn(policy.subject.pods);
    for (const rule of [...(policy.ingress ?? []), ...(policy.egress ?? [])]) {
      for (const peer of rule.peers ?? []) if (peer.kind === 'pods') learn(peer.pods);
      for (const port of rule.ports ?? []) if ('name' in port) portNames.add(port.name);
    }
  }
  return { labelKeys: [...labelKeys].sort(), portNames };
}

/** Pods with equal keys get equal verdicts from every policy the vocabulary was taken from. */
export function classKey(pod: PodFact, { labelKeys, portNames }: Vocabulary): string {
  const parts: string[] = [pod.namespace];
  for (const key of labelKeys) if (Object.hasOwn(pod.labels, key)) parts.push(key, pod.labels[key]!);
  const ports = pod.ports.filter((port) => portNames.has(port.name)).map((port) => `${port.protocol}/${port.name}=${port.port}`);
  if (ports.length > 0) parts.push('', ...ports.sort());
  return parts.join('\0');
}

/** The part of a class that selection needs; gates come later. */
export interface ClassSeed {
  readonly namespace: string;
  readonly labels: Labels;
  readonly ports: readonly NamedPort[];
}

/**
 * Finds the classes that selectors pick, each distinct pair of selectors once. Equality requirements start from an index
 * by namespace and by label value, so that a cluster's worth of classes is walked only by selectors that mean all of it.
 */
export class SelectionIndex<C extends ClassSeed> {
  readonly #namespaces: ReadonlyMap<string, NamespaceFact>;
  readonly #byNamespace = new Map<string, C[]>();
  readonly #byLabel = new Map<string, C[]>();
  readonly #all: readonly C[];
  readonly #namespacesOf = new Map<string, ReadonlySet<string>>();

  constructor(namespaces: ReadonlyMap<string, NamespaceFact>, classes: readonly C[], labelKeys: readonly string[]) {
    this.#namespaces = namespaces;
    this.#all = classes;
    for (const podClass of classes) {
      push(this.#byNamespace, podClass.namespace, podClass);
      for (const key of labelKeys) {
        if (Object.hasOwn(podClass.labels, key)) push(this.#byLabel, `${key}\0${podClass.labels[key]}`, podClass);
      }
    }
  }

  /** @param namespaces a selector over namespaces, or the name of one */
  select(namespaces: Selector | string, pods: Selector): ReadonlySet<C> {
    const found = new Set<C>();
    const inNamespace = typeof namespaces === 'string' ? undefined : this.#selectNamespaces(namespaces);
    for (const candidate of this.#candidates(typeof namespaces === 'string' ? namespaces : undefined, pods.requirements)) {
      const isInside = inNamespace ? inNamespace.has(candidate.namespace) : candidate.namespace === namespaces;
      if (isInside && selectorMatches(pods, candidate.labels)) found.add(candidate);
    }
    return found;
  }

  #candidates(namespace: string | undefined, requirements: readonly Requirement[]): readonly C[] {
    let best = namespace === undefined ? this.#all : (this.#byNamespace.get(namespace) ?? []);
    for (const { key, operator, values } of requirements) {
      if (operator !== 'In' || values.length !== 1) continue;
      const withLabel = this.#byLabel.get(`${key}\0${values[0]}`) ?? [];
      if (withLabel.length < best.length) best = withLabel;
    }
    return best;
  }

  #selectNamespaces(selector: Selector): ReadonlySet<string> {
    let found = this.#namespacesOf.get(selector.canonical);
    if (!found) {
      const names = [...this.#namespaces.values()].filter((namespace) => selectorMatches(selector, namespace.labels)).map((n) => n.name);
      found = new Set(names);
      this.#namespacesOf.set(selector.canonical, found);
    }
    return found;
  }
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

/** Text under which the result of a pair of selectors is shared. */
export function selectionKey(namespaces: Selector | string, pods: Selector): string {
  return typeof namespaces === 'string' ? `name:${namespaces}\0${pods.canonical}` : `select:${namespaces.canonical}\0${pods.canonical}`;
}

/** A peer's or subject's namespaces: its own selector, else the policy's namespace, else (cluster-wide kinds) all. */
export function namespacesOf(policy: ParsedPolicy, selector: Selector | undefined): Selector | string {
  return selector ?? policy.namespace ?? everything;
}
