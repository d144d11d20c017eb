import type { CompiledPod, CompiledPolicy, PodClass, PodFact, Selection } from '../model.ts';
import type { Selector } from '../selector.ts';
import type { AddressSet } from './address-set.ts';

/** The model's values as the compiler holds them: they change in place, from one update to the next. */
export type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export interface PodDraft extends CompiledPod {
  readonly fact: PodFact;
  class?: ClassDraft;
  addresses: readonly string[];
  hasConflict: boolean;
  /** All it claims, in one spelling. */
  readonly claims: readonly string[];
  /** The update that saw it last. */
  seen: number;
}

export interface ClassDraft extends PodClass {
  readonly key: string;
  readonly pods: PodDraft[];
  /** Those that pick it. */
  readonly selections: Set<SelectionDraft>;
  gates: PodClass['gates'];
}

/** The namespaces that a selector picks, shared by all selections that use it. */
export interface NamespaceSelection {
  readonly selector: Selector;
  readonly names: Set<string>;
  readonly users: Set<SelectionDraft>;
}

export interface SelectionDraft extends Selection {
  readonly where: string | NamespaceSelection;
  readonly which: Selector;
  readonly classes: Set<ClassDraft>;
  version: number;
  /** How many places of policies use it. */
  users: number;
  /** Policies whose subject it is. */
  readonly subjectOf: Set<CompiledPolicy>;
  /** Absent until somebody asks for the addresses. */
  tracked?: Readonly<Record<4 | 6, AddressSet>>;
}

export const familyOf = (address: string): 4 | 6 => (address.includes(':') ? 6 : 4);
