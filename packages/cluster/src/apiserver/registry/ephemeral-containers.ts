import { isDeepStrictEqual } from 'node:util';
import type { KubernetesObject, StatusCause } from '@palisade/kubernetes';

interface EphemeralContainer {
  readonly name: string;
  readonly targetContainerName?: string;
}

/** What may become of a pod's ephemeral containers: more of them, with names of their own and targets that exist; never fewer or others. */
export function checkEphemeralContainers(pod: KubernetesObject, current: KubernetesObject): StatusCause[] {
  const field = 'spec.ephemeralContainers';
  const wanted: EphemeralContainer[] = pod['spec']?.ephemeralContainers ?? [];
  const before: EphemeralContainer[] = current['spec']?.ephemeralContainers ?? [];
  const causes: StatusCause[] = [];
  const own = [...(pod['spec']?.containers ?? []), ...(pod['spec']?.initContainers ?? [])].map(({ name }: { name: string }) => name);
  const taken = new Set<string>(own);
  wanted.forEach((container, index) => {
    const { name, targetContainerName: target } = container;
    if (taken.has(name))
      causes.push({ reason: 'FieldValueDuplicate', message: `Duplicate value: "${name}"`, field: `${field}[${index}].name` });
    taken.add(name);
    if (target && !own.includes(target))
      causes.push({ reason: 'FieldValueNotFound', message: `Not found: "${target}"`, field: `${field}[${index}].targetContainerName` });
  });
  for (const old of before) {
    const kept = wanted.find(({ name }) => name === old.name);
    if (kept !== undefined && isDeepStrictEqual(kept, old)) continue;
    const what = kept === undefined ? 'removed' : 'changed';
    causes.push({
      reason: 'FieldValueForbidden',
      message: `Forbidden: existing ephemeral containers "${old.name}" may not be ${what}\n`,
      field,
    });
  }
  return causes;
}
