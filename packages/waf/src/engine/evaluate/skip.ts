import type { PhaseItem } from '../compile/model.ts';

/** Position of the next marker with a label, or rule with that id; the end of the phase when there is none. */
export function landing(items: readonly PhaseItem[], from: number, label: string): number {
  for (let at = from + 1; at < items.length; at++) {
    const item = items[at]!;
    if ((item.kind === 'marker' ? item.label : String(item.rule.id)) === label) return at;
  }
  return items.length;
}

/** Position of the last item that `skipAfter` leaves out: a rule that it names runs. */
export function findMarker(items: readonly PhaseItem[], from: number, label: string): number {
  const at = landing(items, from, label);
  return items[at]?.kind === 'rule' ? at - 1 : at;
}

/** Position of the last of `count` rules after `from`. */
export function skipRules(items: readonly PhaseItem[], from: number, count: number): number {
  let left = count;
  for (let at = from + 1; at < items.length; at++) if (items[at]!.kind === 'rule' && --left === 0) return at;
  return items.length;
}
