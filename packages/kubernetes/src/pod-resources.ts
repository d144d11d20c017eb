import type { KubernetesObject } from './object.ts';
import { addQuantity, compareQuantity, subtractQuantity } from './quantity.ts';

/** Quantities by resource name (core/v1 ResourceList). */
export type ResourceList = Readonly<Record<string, string>>;

interface Container {
  restartPolicy?: string;
  resources?: Partial<Record<'requests' | 'limits', ResourceList>>;
}

/**
 * What a pod asks of its node, or may take: its containers and native sidecars together, or more when one init container needs more
 * at its turn, plus the overhead.
 */
export function podResources(pod: KubernetesObject, which: 'requests' | 'limits'): ResourceList {
  const of = (container: Container): ResourceList => container.resources?.[which] ?? {};
  let sidecars: ResourceList = {};
  let peak: ResourceList = {};
  for (const container of (pod['spec'].initContainers ?? []) as Container[]) {
    const atItsTurn = addResources(sidecars, of(container));
    peak = maxResources(peak, atItsTurn);
    if (container.restartPolicy === 'Always') sidecars = atItsTurn;
  }
  let total = sidecars;
  for (const container of (pod['spec'].containers ?? []) as Container[]) total = addResources(total, of(container));
  return addResources(maxResources(total, peak), pod['spec'].overhead ?? {});
}

export function addResources(a: ResourceList, b: ResourceList): ResourceList {
  return merge(a, b, (left, right) => addQuantity(left, right));
}

/** `a` less `b`; names that only `b` has are left out. */
export function subtractResources(a: ResourceList, b: ResourceList): ResourceList {
  return Object.fromEntries(Object.entries(a).map(([name, quantity]) => [name, subtractQuantity(quantity, b[name] ?? '0')]));
}

function maxResources(a: ResourceList, b: ResourceList): ResourceList {
  return merge(a, b, (left, right) => (compareQuantity(left, right) < 0 ? right : left));
}

function merge(a: ResourceList, b: ResourceList, both: (left: string, right: string) => string): ResourceList {
  const result: Record<string, string> = { ...a };
  for (const [name, quantity] of Object.entries(b)) {
    const present = result[name];
    result[name] = present === undefined ? String(quantity) : both(String(present), String(quantity));
  }
  return result;
}
