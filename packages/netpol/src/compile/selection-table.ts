import type { NamespaceFact, ParsedPolicy } from '../model.ts';
import { everything, type Selector, selectorMatches } from '../selector.ts';
import { AddressSet } from './address-set.ts';
import { type ClassDraft, familyOf, type NamespaceSelection, type PodDraft, type SelectionDraft } from './drafts.ts';

/** A peer's or subject's namespaces: its own selector, else the policy's namespace, else (cluster-wide kinds) all. */
export function namespacesOf(policy: ParsedPolicy, selector: Selector | undefined): Selector | string {
  return selector ?? policy.namespace ?? everything;
}

/** Text under which the result of a pair of selectors is shared. */
function selectionKey(namespaces: Selector | string, pods: Selector): string {
  return typeof namespaces === 'string' ? `name:${namespaces}\0${pods.canonical}` : `select:${namespaces.canonical}\0${pods.canonical}`;
}

const labelEntry = (key: string, value: string): string => `${key}\0${value}`;

/** One thing that every class of a selection has; classes and selections find each other by it. */
function anchorOf(where: string | NamespaceSelection, which: Selector): string {
  if (typeof where === 'string') return `in ${where}`;
  const equal = which.requirements.find(({ operator, values }) => operator === 'In' && values.length === 1);
  return equal ? labelEntry(equal.key, equal.values[0]!) : '';
}

/** The anchors of the selections that may pick a class. */
function anchorsOf(podClass: ClassDraft): string[] {
  const labels = Object.entries(podClass.labels).map(([key, value]) => labelEntry(key, value));
  return ['', `in ${podClass.namespace}`, ...labels];
}

/** What changed: told to whoever keeps something by class. */
type OnSubject = (podClass: ClassDraft) => void;

/**
 * Which classes each distinct pair of selectors picks, kept true while classes, namespaces and selections come and go. Nothing is
 * walked whole: a class meets only the selections anchored where it stands, and the other way round.
 */
export class SelectionTable {
  readonly #byKey = new Map<string, SelectionDraft>();
  readonly #anchored = new Map<string, Set<SelectionDraft>>();
  readonly #classesAt = new Map<string, Set<ClassDraft>>();
  readonly #namespaceSelections = new Map<string, NamespaceSelection>();
  readonly #namespaces: ReadonlyMap<string, NamespaceFact>;
  readonly #onSubject: OnSubject;
  /** Of the update that is under way. */
  version = 0;

  /** @param onSubject told of each class that the subject of a policy has begun or ceased to pick */
  constructor(namespaces: ReadonlyMap<string, NamespaceFact>, onSubject: OnSubject) {
    this.#namespaces = namespaces;
    this.#onSubject = onSubject;
  }

  acquire(namespaces: Selector | string, which: Selector): SelectionDraft {
    const key = selectionKey(namespaces, which);
    const known = this.#byKey.get(key);
    if (known) {
      known.users++;
      return known;
    }
    const where = typeof namespaces === 'string' ? namespaces : this.#namespaceSelection(namespaces);
    const table = this;
    const selection: SelectionDraft = {
      ...{ key, where, which, classes: new Set(), version: this.version, users: 1, subjectOf: new Set() },
      addresses(family) {
        this.tracked ??= table.#track(this);
        return this.tracked[family];
      },
    };
    this.#byKey.set(key, selection);
    if (typeof where !== 'string') where.users.add(selection);
    const anchor = anchorOf(where, which);
    into(this.#anchored, anchor, selection);
    for (const podClass of this.#classesAt.get(anchor) ?? []) if (picks(selection, podClass)) this.#join(selection, podClass);
    return selection;
  }

  release(selection: SelectionDraft): void {
    if (--selection.users > 0) return;
    for (const podClass of selection.classes) podClass.selections.delete(selection);
    this.#byKey.delete(selection.key);
    const { where } = selection;
    outOf(this.#anchored, anchorOf(where, selection.which), selection);
    if (typeof where === 'string') return;
    where.users.delete(selection);
    if (where.users.size === 0) this.#namespaceSelections.delete(where.selector.canonical);
  }

  addClass(podClass: ClassDraft): void {
    for (const anchor of anchorsOf(podClass)) {
      into(this.#classesAt, anchor, podClass);
      for (const selection of this.#anchored.get(anchor) ?? []) if (picks(selection, podClass)) this.#join(selection, podClass);
    }
  }

  /** The class must be empty. */
  removeClass(podClass: ClassDraft): void {
    for (const anchor of anchorsOf(podClass)) outOf(this.#classesAt, anchor, podClass);
    for (const selection of podClass.selections) selection.classes.delete(podClass);
  }

  /** A pod of a class has, or has no longer, these addresses. */
  addressesChanged(podClass: ClassDraft, addresses: readonly string[], isMember: boolean): void {
    for (const selection of podClass.selections) this.#put(selection, addresses, isMember);
  }

  namespaceChanged(name: string): void {
    const fact = this.#namespaces.get(name);
    for (const chosen of this.#namespaceSelections.values()) {
      const isPicked = fact !== undefined && selectorMatches(chosen.selector, fact.labels);
      if (isPicked === chosen.names.has(name)) continue;
      if (isPicked) chosen.names.add(name);
      else chosen.names.delete(name);
      for (const podClass of this.#classesAt.get(`in ${name}`) ?? []) {
        for (const selection of chosen.users) {
          if (!isPicked && selection.classes.has(podClass)) this.#leave(selection, podClass);
          else if (picks(selection, podClass)) this.#join(selection, podClass);
        }
      }
    }
  }

  #namespaceSelection(selector: Selector): NamespaceSelection {
    let chosen = this.#namespaceSelections.get(selector.canonical);
    if (!chosen) {
      const facts = [...this.#namespaces.values()].filter((namespace) => selectorMatches(selector, namespace.labels));
      chosen = { selector, names: new Set(facts.map(({ name }) => name)), users: new Set() };
      this.#namespaceSelections.set(selector.canonical, chosen);
    }
    return chosen;
  }

  #join(selection: SelectionDraft, podClass: ClassDraft): void {
    selection.classes.add(podClass);
    podClass.selections.add(selection);
    this.#moved(selection, podClass, true);
  }

  #leave(selection: SelectionDraft, podClass: ClassDraft): void {
    selection.classes.delete(podClass);
    podClass.selections.delete(selection);
    this.#moved(selection, podClass, false);
  }

  #moved(selection: SelectionDraft, podClass: ClassDraft, isMember: boolean): void {
    for (const pod of podClass.pods) this.#put(selection, pod.addresses, isMember);
    if (selection.subjectOf.size > 0) this.#onSubject(podClass);
  }

  #put(selection: SelectionDraft, addresses: readonly string[], isMember: boolean): void {
    selection.version = this.version;
    const { tracked } = selection;
    if (tracked) for (const address of addresses) tracked[familyOf(address)].put(address, isMember, this.version);
  }

  #track({ classes }: SelectionDraft): Record<4 | 6, AddressSet> {
    const all: readonly PodDraft[] = [...classes].flatMap((podClass) => podClass.pods);
    const addresses = all.flatMap((pod) => pod.addresses);
    const of = (family: 4 | 6) =>
      new AddressSet(
        addresses.filter((address) => familyOf(address) === family),
        this.version,
      );
    return { 4: of(4), 6: of(6) };
  }
}

function picks({ where, which }: SelectionDraft, podClass: ClassDraft): boolean {
  const isInside = typeof where === 'string' ? where === podClass.namespace : where.names.has(podClass.namespace);
  return isInside && selectorMatches(which, podClass.labels);
}

function into<V>(map: Map<string, Set<V>>, key: string, value: V): void {
  const values = map.get(key);
  if (values) values.add(value);
  else map.set(key, new Set([value]));
}

function outOf<V>(map: Map<string, Set<V>>, key: string, value: V): void {
  const values = map.get(key);
  values?.delete(value);
  if (values?.size === 0) map.delete(key);
}
