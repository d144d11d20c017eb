import { parseQuantity } from '@palisade/kubernetes';
import type { PodSpec } from '../pod-types.ts';

/** Quality of service class (Kubernetes, "Pod Quality of Service Classes"): from cpu and memory of all containers. */
export function qosClass(spec: PodSpec): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const containers = [...spec.containers, ...(spec.initContainers ?? [])];
  const positive = (value: string | undefined) => value !== undefined && parseQuantity(value) > 0;
  const names = ['cpu', 'memory'] as const;
  const mentioned = containers.some(({ resources = {} }) =>
    names.some((name) => positive(resources.requests?.[name]) || positive(resources.limits?.[name])),
  );
  if (!mentioned) return 'BestEffort';
  const isGuaranteed = containers.every(({ resources = {} }) =>
    names.every((name) => {
      const limit = resources.limits?.[name];
      const request = resources.requests?.[name] ?? limit;
      return positive(limit) && parseQuantity(request!) === parseQuantity(limit!);
    }),
  );
  return isGuaranteed ? 'Guaranteed' : 'Burstable';
}
