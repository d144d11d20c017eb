const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** First difference as `path: ours X, real Y`; undefined when equal. */
export function firstDifference(ours: unknown, real: unknown, path = ''): string | undefined {
  if (isObject(ours) && isObject(real)) {
    for (const key of new Set([...Object.keys(ours), ...Object.keys(real)])) {
      const found = firstDifference(ours[key], real[key], `${path}.${key}`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (Array.isArray(ours) && Array.isArray(real) && ours.length === real.length) {
    for (const [i, item] of ours.entries()) {
      const found = firstDifference(item, real[i], `${path}[${i}]`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  return JSON.stringify(ours) === JSON.stringify(real) ? undefined : `${path}: ours ${shown(ours)}, real ${shown(real)}`;
}

const shown = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value));
