import { isDeepStrictEqual } from 'node:util';
import type { KubernetesObject } from '@palisade/kubernetes';

export const POD_TEMPLATE_HASH = 'pod-template-hash';

interface PodTemplate {
  metadata?: KubernetesObject['metadata'];
  // biome-ignore lint/suspicious/noExplicitAny: a pod spec, open as all wire objects
  [field: string]: any;
}

/** Equal but for the hash label; null, empty lists and empty maps of labels mean the same as absent. */
export function isSameTemplate(a: PodTemplate, b: PodTemplate): boolean {
  return isDeepStrictEqual(canonicalTemplate(a), canonicalTemplate(b));
}

/** Short name part for a template, in the alphabet that cannot spell words. Another `collisionCount` gives another one. */
export function templateHash(template: PodTemplate, collisionCount: number): string {
  let hash = fnv32a(JSON.stringify(canonicalTemplate(template)));
  if (collisionCount > 0) hash = fnv32a(`${hash}/${collisionCount}`);
  return safeEncode(String(hash));
}

function canonicalTemplate(template: PodTemplate): unknown {
  const { [POD_TEMPLATE_HASH]: _, ...labels } = template.metadata?.labels ?? {};
  const annotations = template.metadata?.annotations ?? {};
  return canonical({ ...template, metadata: { ...template.metadata, labels, annotations } });
}

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value)
    .filter(([, field]) => field !== null && field !== undefined && !(Array.isArray(field) && field.length === 0))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, field]) => [key, canonical(field)]));
}

function fnv32a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';

function safeEncode(digits: string): string {
  return [...Buffer.from(digits)].map((byte) => ALPHABET[byte % ALPHABET.length]).join('');
}
