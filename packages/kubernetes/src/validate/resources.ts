import type { Struct } from '../defaults/value.ts';
import { compareQuantity } from '../quantity.ts';
import type { Findings } from './findings.ts';
import { checkQualifiedName } from './names.ts';

const containerResources = new Set(['cpu', 'memory', 'ephemeral-storage']);

function checkResourceName(f: Findings, field: string, name: string): void {
  f.invalidEach(field, name, checkQualifiedName(name));
  if (name.includes('/') || containerResources.has(name) || name.startsWith('hugepages-')) return;
  f.invalid(field, name, 'must be a standard resource type or fully qualified');
  f.invalid(field, name, 'must be a standard resource for containers');
}

/** `resources` of a container: names, no negative amounts, no request above its limit. */
export function validateResources(f: Findings, field: string, resources: Struct | undefined): void {
  const limits: Record<string, string> = resources?.['limits'] ?? {};
  const requests: Record<string, string> = resources?.['requests'] ?? {};
  for (const [list, amounts] of [
    ['limits', limits],
    ['requests', requests],
  ] as const) {
    for (const [name, amount] of Object.entries(amounts)) {
      const at = `${field}.${list}[${name}]`;
      checkResourceName(f, at, name);
      if (compareQuantity(amount, '0') < 0) f.invalid(at, amount, 'must be greater than or equal to 0');
      const limit = Object.hasOwn(limits, name) ? limits[name] : undefined;
      if (list === 'requests' && limit !== undefined && compareQuantity(amount, limit) > 0) {
        f.invalid(`${field}.requests`, amount, `must be less than or equal to ${name} limit of ${limit}`);
      }
    }
  }
}
