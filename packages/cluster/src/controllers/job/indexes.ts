import type { KubernetesObject } from '@palisade/kubernetes';

export const COMPLETION_INDEX = 'batch.kubernetes.io/job-completion-index';

export function indexOf(pod: KubernetesObject): number | undefined {
  const text = pod.metadata.annotations?.[COMPLETION_INDEX];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Reads `status.completedIndexes`: `1,3-5` is 1, 3, 4, 5. */
export function completedIndexes(text: string | undefined): number[] {
  const indexes: number[] = [];
  for (const part of (text ?? '').split(',').filter((entry) => entry !== '')) {
    const [first, last = first] = part.split('-').map(Number);
    for (let index = first!; index <= last!; index++) indexes.push(index);
  }
  return indexes;
}

/** Writes sorted indexes; runs of three or more as a range. */
export function renderIndexes(indexes: readonly number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < indexes.length; ) {
    let end = i;
    while (indexes[end + 1] === indexes[end]! + 1) end += 1;
    parts.push(end === i ? String(indexes[i]) : end === i + 1 ? `${indexes[i]},${indexes[end]}` : `${indexes[i]}-${indexes[end]}`);
    i = end + 1;
  }
  return parts.join(',');
}
