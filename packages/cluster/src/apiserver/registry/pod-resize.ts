import { isDeepStrictEqual } from 'node:util';
import type { KubernetesObject, StatusCause } from '@palisade/kubernetes';
import { MIRROR } from '../admission/node-restriction.ts';
import { qosClass } from './strategies/pod.ts';

interface Resources {
  readonly requests?: Readonly<Record<string, string>>;
  readonly limits?: Readonly<Record<string, string>>;
}

interface Container {
  readonly name: string;
  readonly restartPolicy?: string;
  readonly resources?: Resources;
}

const forbidden = (field: string, why: string): StatusCause => ({
  reason: 'FieldValueForbidden',
  message: `Forbidden: ${why}`,
  field,
});

/** What a resize may not do (KEP-1287): another class of service, less than was named, anything but CPU and memory. */
export function checkResize(pod: KubernetesObject, old: KubernetesObject): StatusCause[] {
  if (hasOwnResources(old) || hasOwnResources(pod)) return [forbidden('', 'pods with pod-level resources cannot be resized')];
  if (old.metadata.annotations?.[MIRROR] !== undefined) return [forbidden('', 'static pods cannot be resized')];
  const causes: StatusCause[] = [];
  if ((old['status']?.qosClass || qosClass(old)) !== qosClass(pod)) {
    const message = `Invalid value: ${JSON.stringify(pod['status']?.qosClass ?? '')}: Pod QOS Class may not change as a result of resizing`;
    causes.push({ reason: 'FieldValueInvalid', message, field: 'spec' });
  }
  if (!isSupported(old)) causes.push(forbidden('spec', 'Pod running on node without support for resize'));
  const sidecars = pairs(pod, old, 'initContainers').filter(([, { restartPolicy }]) => restartPolicy === 'Always');
  const all = pairs(pod, old, 'containers');
  const size = (list: typeof all, field: string) =>
    list.flatMap(([one, before, i]) => checkSize(one, before, `spec.${field}[${i}].resources`));
  causes.push(...size(sidecars, 'initContainers'), ...size(all, 'containers'));
  for (const [one, before] of all)
    if (!isSameBesides(one, before)) causes.push(forbidden('spec', 'only cpu and memory resources are mutable'));
  for (const [one, before] of pairs(pod, old, 'initContainers')) {
    if (before.restartPolicy === 'Always') {
      if (!isSameBesides(one, before)) causes.push(forbidden('spec', 'only cpu and memory resources for sidecar containers are mutable'));
    } else if (!isDeepStrictEqual(one, before)) causes.push(forbidden('spec', 'resources for non-sidecar init containers are immutable'));
  }
  return causes;
}

function hasOwnResources({ spec }: KubernetesObject): boolean {
  const { requests = {}, limits = {} }: Resources = spec?.resources ?? {};
  return Object.keys(requests).length + Object.keys(limits).length > 0;
}

/** A kubelet that can resize tells what its running containers have. */
function isSupported({ status }: KubernetesObject): boolean {
  const running = (status?.containerStatuses ?? []).find(({ state }: { state?: { running?: object } }) => state?.running !== undefined);
  return running === undefined || running.resources !== undefined;
}

function pairs(pod: KubernetesObject, old: KubernetesObject, field: string): [one: Container, before: Container, i: number][] {
  const before: readonly Container[] = old['spec']?.[field] ?? [];
  return ((pod['spec']?.[field] ?? []) as Container[]).map((one, i) => [one, before[i] ?? { name: '' }, i]);
}

function checkSize({ resources = {} }: Container, { resources: before = {} }: Container, at: string): StatusCause[] {
  const lost = (name: 'requests' | 'limits') =>
    Object.keys(before[name] ?? {}).some((resource) => resources[name]?.[resource] === undefined);
  return (['requests', 'limits'] as const).filter(lost).map((name) => forbidden(`${at}.${name}`, `resource ${name} cannot be removed`));
}

/** Equal but for CPU and memory. */
function isSameBesides(one: Container, before: Container): boolean {
  const rest = ({ resources = {}, ...container }: Container) => {
    const others = (list: Readonly<Record<string, string>> = {}) =>
      Object.entries(list).filter(([name]) => name !== 'cpu' && name !== 'memory');
    return { ...container, requests: others(resources.requests), limits: others(resources.limits) };
  };
  return isDeepStrictEqual(rest(one), rest(before));
}
