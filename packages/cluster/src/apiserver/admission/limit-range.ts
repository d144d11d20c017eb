/** Admission plugin LimitRanger: defaults for containers that ask for nothing, bounds for pods and claims (core/v1 LimitRange). */
import { compareQuantity, forbidden, type KubernetesObject, parseQuantity, podResources, type ResourceList } from '@palisade/kubernetes';
import type { Core, Scope } from '../core.ts';

interface LimitRangeItem {
  readonly type: string;
  readonly max?: ResourceList;
  readonly min?: ResourceList;
  readonly default?: ResourceList;
  readonly defaultRequest?: ResourceList;
  readonly maxLimitRequestRatio?: ResourceList;
}

interface Container {
  readonly name: string;
  resources?: { requests?: Record<string, string>; limits?: Record<string, string> };
}

function itemsOf(core: Core, namespace: string): LimitRangeItem[] {
  return core.store.list('limitranges', namespace).flatMap((entry): LimitRangeItem[] => entry.object['spec']?.limits ?? []);
}

/** Fills in what the containers of a new pod leave open, and says so in the annotation that the real server writes. */
export function defaultFromLimitRanges(core: Core, pod: KubernetesObject): void {
  const items = itemsOf(core, pod.metadata.namespace!).filter((item) => item.type === 'Container');
  if (items.length === 0) return;
  const requests = Object.assign({}, ...items.map((item) => item.defaultRequest)) as ResourceList;
  const limits = Object.assign({}, ...items.map((item) => item.default)) as ResourceList;
  const notes = [
    ...((pod['spec'].containers ?? []) as Container[]).flatMap((container) => fill(container, 'container', requests, limits)),
    ...((pod['spec'].initContainers ?? []) as Container[]).flatMap((container) => fill(container, 'init container', requests, limits)),
  ];
  if (notes.length === 0) return;
  pod.metadata.annotations = { ...pod.metadata.annotations, 'kubernetes.io/limit-ranger': `LimitRanger plugin set: ${notes.join('; ')}` };
}

function fill(container: Container, what: string, requests: ResourceList, limits: ResourceList): string[] {
  const resources = container.resources ?? {};
  const absent = (wanted: ResourceList, present: ResourceList = {}) =>
    Object.keys(wanted)
      .filter((name) => present[name] === undefined)
      .sort();
  const [newRequests, newLimits] = [absent(requests, resources.requests), absent(limits, resources.limits)];
  const pick = (names: string[], from: ResourceList) => Object.fromEntries(names.map((name) => [name, from[name]!]));
  if (newRequests.length > 0) resources.requests = { ...resources.requests, ...pick(newRequests, requests) };
  if (newLimits.length > 0) resources.limits = { ...resources.limits, ...pick(newLimits, limits) };
  container.resources = resources;
  const note = (names: string[], kind: string) => (names.length === 0 ? [] : [`${names.join(', ')} ${kind} for ${what} ${container.name}`]);
  return [...note(newRequests, 'request'), ...note(newLimits, 'limit')];
}

/** @throws StatusError 403 for a pod or claim outside the bounds of its namespace */
export function admitLimitRange(core: Core, scope: Scope, object: KubernetesObject): void {
  const { storeType, gvr } = scope.resource;
  if (scope.subresource !== '' || (storeType !== 'pods' && storeType !== 'persistentvolumeclaims')) return;
  const faults = itemsOf(core, scope.namespace).flatMap((item) =>
    storeType === 'pods' ? podFaults(item, object) : claimFaults(item, object),
  );
  if (faults.length === 0) return;
  throw forbidden(gvr, object.metadata.name ?? '', faults.length === 1 ? faults[0]! : `[${faults.join(', ')}]`);
}

function podFaults(item: LimitRangeItem, pod: KubernetesObject): string[] {
  if (item.type === 'Pod') return faultsOf(item, podResources(pod, 'requests'), podResources(pod, 'limits'));
  if (item.type !== 'Container') return [];
  const containers: Container[] = [...(pod['spec'].containers ?? []), ...(pod['spec'].initContainers ?? [])];
  return containers.flatMap(({ resources }) => faultsOf(item, resources?.requests ?? {}, resources?.limits ?? {}));
}

function claimFaults(item: LimitRangeItem, claim: KubernetesObject): string[] {
  if (item.type !== 'PersistentVolumeClaim') return [];
  const requests: ResourceList = claim['spec']?.resources?.requests ?? {};
  const each = (bounds: ResourceList = {}, check: (name: string, bound: string) => string | undefined) =>
    Object.entries(bounds).flatMap(([name, bound]) => check(name, bound) ?? []);
  const usage = (word: string, name: string, bound: string) => `${word} ${name} usage per ${item.type} is ${bound}`;
  return [
    ...each(item.min, (name, bound) => lowerFault(usage('minimum', name, bound), bound, requests[name])),
    ...each(item.max, (name, bound) => {
      const asked = requests[name];
      return asked !== undefined && compareQuantity(asked, bound) > 0
        ? `${usage('maximum', name, bound)}, but request is ${asked}`
        : undefined;
    }),
  ];
}

function lowerFault(rule: string, bound: string, asked: string | undefined): string | undefined {
  if (asked === undefined) return `${rule}.  No request is specified`;
  return compareQuantity(asked, bound) < 0 ? `${rule}, but request is ${asked}` : undefined;
}

function faultsOf(item: LimitRangeItem, requests: ResourceList, limits: ResourceList): string[] {
  const faults: string[] = [];
  for (const [name, bound] of Object.entries(item.min ?? {})) {
    const rule = `minimum ${name} usage per ${item.type} is ${bound}`;
    const limit = limits[name];
    const fault = lowerFault(rule, bound, requests[name]);
    if (fault !== undefined) faults.push(fault);
    else if (limit !== undefined && compareQuantity(limit, bound) < 0) faults.push(`${rule}, but limit is ${limit}`);
  }
  for (const [name, bound] of Object.entries(item.max ?? {})) {
    const rule = `maximum ${name} usage per ${item.type} is ${bound}`;
    const [request, limit] = [requests[name], limits[name]];
    if (limit === undefined) faults.push(`${rule}.  No limit is specified`);
    else if (compareQuantity(limit, bound) > 0) faults.push(`${rule}, but limit is ${limit}`);
    else if (request !== undefined && compareQuantity(request, bound) > 0) faults.push(`${rule}, but request is ${request}`);
  }
  for (const [name, bound] of Object.entries(item.maxLimitRequestRatio ?? {})) {
    const rule = `${name} max limit to request ratio per ${item.type} is ${bound}`;
    const [request, limit] = [parseQuantity(requests[name] ?? '0'), parseQuantity(limits[name] ?? '0')];
    if (request === 0) faults.push(`${rule}, but no request is specified or request is 0`);
    else if (limit === 0) faults.push(`${rule}, but no limit is specified or limit is 0`);
    else if (limit / request > parseQuantity(bound)) faults.push(`${rule}, but provided ratio is ${(limit / request).toFixed(6)}`);
  }
  return faults;
}
