import type { Answer } from './topic.ts';

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

/** An answer whose causes stand in the order of their texts, and are not told again in the message. */
export function withSortedCauses(answer: Answer | undefined): Answer | undefined {
  const body = answer?.body as { message?: string; details?: { causes?: unknown[] } } | undefined;
  const causes = body?.details?.causes;
  if (answer === undefined || causes === undefined) return answer;
  const sorted = causes.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  const message = body?.message?.replace(/\[.*\]$/s, '');
  return { ...answer, body: { ...body, message, details: { ...body?.details, causes: sorted } } };
}
