import type { CompiledPolicy, Direction, Gate, ParsedPolicy } from '../model.ts';
import { openGate } from './class-table.ts';
import type { ClassDraft } from './drafts.ts';

const tierOrder = { admin: 0, networkPolicy: 1, baseline: 2 } as const;

/** Order of decision; names break ties, so that the same policy is named whatever the order of arrival. */
export function comparePolicies(a: ParsedPolicy, b: ParsedPolicy): number {
  return (
    tierOrder[a.tier] - tierOrder[b.tier] ||
    a.priority - b.priority ||
    compareText(a.namespace ?? '', b.namespace ?? '') ||
    compareText(a.ref.name, b.ref.name) ||
    compareText(a.ref.kind, b.ref.kind)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Nothing enforced stands in the way; what policies in audit mode say is another question. */
export function isOpen({ admin, isolating, baseline }: Gate): boolean {
  return admin.length === 0 && isolating.length === 0 && baseline.length === 0;
}

/** @param selecting the policies that select a class, in order of decision */
function makeGate(key: string, selecting: readonly CompiledPolicy[], direction: Direction): Gate {
  const enforced = selecting.filter((policy) => !policy.parsed.isAudit);
  const build = (policies: readonly CompiledPolicy[]): Gate => {
    const rulesOf = (tier: 'admin' | 'baseline') =>
      policies.filter((policy) => policy.parsed.tier === tier).flatMap((policy) => policy[direction]!);
    return {
      key,
      admin: rulesOf('admin'),
      isolating: policies.filter((policy) => policy.parsed.tier === 'networkPolicy'),
      baseline: rulesOf('baseline'),
    };
  };
  return enforced.length === selecting.length ? build(enforced) : { ...build(enforced), audited: build(selecting) };
}

/** The gates of all classes. Classes that the same policies select share one, and it stays the same value while they do. */
export class GateTable {
  readonly #shared = new Map<string, { readonly gate: Gate; users: number }>();
  readonly #serials = new Map<CompiledPolicy, number>();
  #lastSerial = 0;

  add(policy: CompiledPolicy): void {
    this.#serials.set(policy, this.#lastSerial++);
  }

  remove(policy: CompiledPolicy): void {
    this.#serials.delete(policy);
  }

  /** Finds a class's gates anew. */
  assign(podClass: ClassDraft): void {
    const selecting = [...podClass.selections].flatMap((selection) => [...selection.subjectOf]);
    const before = podClass.gates;
    podClass.gates = { ingress: this.#gate(selecting, 'ingress'), egress: this.#gate(selecting, 'egress') };
    this.#release(before);
  }

  /** A class that is no more lets go of its gates. */
  forget(podClass: ClassDraft): void {
    this.#release(podClass.gates);
  }

  #gate(selecting: readonly CompiledPolicy[], direction: Direction): Gate {
    const policies = selecting.filter((policy) => policy[direction]).sort((a, b) => comparePolicies(a.parsed, b.parsed));
    if (policies.length === 0) return openGate;
    const key = `${direction}:${policies.map((policy) => this.#serials.get(policy)).join(',')}`;
    const known = this.#shared.get(key);
    if (known) {
      known.users++;
      return known.gate;
    }
    const gate = makeGate(key, policies, direction);
    this.#shared.set(key, { gate, users: 1 });
    return gate;
  }

  #release(gates: ClassDraft['gates']): void {
    for (const { key } of [gates.ingress, gates.egress]) {
      const known = this.#shared.get(key);
      if (known && --known.users === 0) this.#shared.delete(key);
    }
  }
}
