/** Inclusive. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/** Sorted, disjoint, adjacent ranges joined. */
export function mergePorts(ranges: readonly PortRange[]): PortRange[] {
  const merged: PortRange[] = [];
  for (const range of [...ranges].sort((a, b) => a.from - b.from)) {
    const previous = merged.at(-1);
    if (previous && range.from <= previous.to + 1) {
      if (range.to > previous.to) merged[merged.length - 1] = { from: previous.from, to: range.to };
    } else merged.push({ from: range.from, to: range.to });
  }
  return merged;
}

/** `80`, `8000-8010`. */
export function formatPortRange({ from, to }: PortRange): string {
  return from === to ? String(from) : `${from}-${to}`;
}
