import type { Gate, PodFact } from '../model.ts';
import type { ClassDraft, PodDraft } from './drafts.ts';
import type { SelectionTable } from './selection-table.ts';
import type { Vocabulary } from './vocabulary.ts';

/** Before the policies have been asked: nothing stands in the way. */
export const openGate: Gate = { key: '', admin: [], isolating: [], baseline: [] };

/** Pods grouped by what the policies can see of them. */
export class ClassTable {
  readonly #byKey = new Map<string, ClassDraft>();
  readonly #vocabulary: Vocabulary;
  readonly #selections: SelectionTable;
  readonly #onMade: (podClass: ClassDraft) => void;
  readonly #onGone: (podClass: ClassDraft) => void;
  readonly #emptied = new Set<ClassDraft>();
  #lastId = 0;

  constructor(
    vocabulary: Vocabulary,
    selections: SelectionTable,
    on: { made(podClass: ClassDraft): void; gone(podClass: ClassDraft): void },
  ) {
    this.#vocabulary = vocabulary;
    this.#selections = selections;
    this.#onMade = on.made;
    this.#onGone = on.gone;
  }

  values(): Iterable<ClassDraft> {
    return this.#byKey.values();
  }

  /** Puts a pod into the class it belongs to now. A pod with hostNetwork belongs to none. */
  classify(pod: PodDraft): void {
    if (pod.fact.hostNetwork) return;
    const key = this.#vocabulary.classKey(pod.fact);
    if (pod.class?.key === key) return;
    this.leave(pod);
    const podClass = this.#byKey.get(key) ?? this.#make(key, pod.fact);
    pod.class = podClass;
    podClass.pods.push(pod);
    this.#emptied.delete(podClass);
    this.#selections.addressesChanged(podClass, pod.addresses, true);
  }

  leave(pod: PodDraft): void {
    const podClass = pod.class;
    if (!podClass) return;
    const { pods } = podClass;
    const last = pods.pop()!;
    if (last !== pod) pods[pods.indexOf(pod)] = last;
    delete pod.class;
    if (pods.length === 0) this.#emptied.add(podClass);
    this.#selections.addressesChanged(podClass, pod.addresses, false);
  }

  dropEmpty(): void {
    for (const podClass of this.#emptied) {
      this.#byKey.delete(podClass.key);
      this.#selections.removeClass(podClass);
      this.#onGone(podClass);
    }
    this.#emptied.clear();
  }

  #make(key: string, { namespace, labels, ports }: PodFact): ClassDraft {
    const seen = this.#vocabulary.labelsOf(labels);
    const podClass: ClassDraft = {
      ...{ id: this.#lastId++, key, namespace, labels: seen, ports: this.#vocabulary.portsOf(ports) },
      ...{ pods: [], selections: new Set(), gates: { ingress: openGate, egress: openGate } },
    };
    this.#byKey.set(key, podClass);
    this.#selections.addClass(podClass);
    this.#onMade(podClass);
    return podClass;
  }
}
