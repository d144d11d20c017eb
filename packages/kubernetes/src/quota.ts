/**
 * What objects count for against a ResourceQuota (Kubernetes: "Resource Quotas"; the evaluators of kube-apiserver). An object is
 * named by its type: its plural, and with a group `deployments.apps`.
 */
import type { KubernetesObject } from './object.ts';
import { addResources, podResources, type ResourceList } from './pod-resources.ts';
import { addQuantity, compareQuantity } from './quantity.ts';

/** Resources a quota may name without prefix, which are requests. */
const COMPUTE = ['cpu', 'memory', 'ephemeral-storage'];
/** A quota on one of these makes it required of every container (not so `ephemeral-storage`). */
const REQUIRED = ['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory'];
/** Counted by their bare name, from before there was `count/`. */
const PLAIN_COUNTS = new Set(['services', 'configmaps', 'secrets', 'replicationcontrollers', 'resourcequotas', 'persistentvolumeclaims']);

/** What one object counts for, by the names a quota uses. */
export function quotaUsage(type: string, object: KubernetesObject): ResourceList {
  const usage: Record<string, string> = { [`count/${type}`]: '1' };
  if (PLAIN_COUNTS.has(type)) usage[type] = '1';
  switch (type) {
    case 'pods':
      return { ...usage, ...podUsage(object) };
    case 'services':
      return { ...usage, ...serviceUsage(object) };
    case 'persistentvolumeclaims':
      return { ...usage, ...claimUsage(object) };
    default:
      return usage;
  }
}

/** A pod that ended takes nothing any more. */
function podUsage(pod: KubernetesObject): ResourceList {
  const phase = pod['status']?.phase;
  if (phase === 'Succeeded' || phase === 'Failed') return {};
  return { pods: '1', ...computeUsage(podResources(pod, 'requests'), podResources(pod, 'limits')) };
}

function computeUsage(requests: ResourceList, limits: ResourceList): ResourceList {
  const usage: Record<string, string> = {};
  for (const [name, quantity] of Object.entries(requests)) {
    if (COMPUTE.includes(name) || name.startsWith('hugepages-')) usage[name] = quantity;
    usage[`requests.${name}`] = quantity;
  }
  for (const [name, quantity] of Object.entries(limits)) usage[`limits.${name}`] = quantity;
  return usage;
}

function serviceUsage(service: KubernetesObject): ResourceList {
  const { type, ports = [], allocateLoadBalancerNodePorts } = service['spec'] ?? {};
  const isBalancer = type === 'LoadBalancer';
  const hasNodePorts = type === 'NodePort' || (isBalancer && allocateLoadBalancerNodePorts !== false);
  return {
    ...(isBalancer ? { 'services.loadbalancers': '1' } : {}),
    ...(hasNodePorts ? { 'services.nodeports': String(ports.length) } : {}),
  };
}

function claimUsage(claim: KubernetesObject): ResourceList {
  const storage: string | undefined = claim['spec']?.resources?.requests?.storage;
  const className: string | undefined = claim['spec']?.storageClassName;
  const ofClass = (name: string) => `${className}.storageclass.storage.k8s.io/${name}`;
  return {
    ...(className ? { [ofClass('persistentvolumeclaims')]: '1' } : {}),
    ...(storage === undefined ? {} : { 'requests.storage': String(storage) }),
    ...(storage === undefined || !className ? {} : { [ofClass('requests.storage')]: String(storage) }),
  };
}

/** Whether `quota` counts the object at all: scopes choose among pods, and leave everything else out. */
export function quotaCovers(quota: KubernetesObject, type: string, object: KubernetesObject): boolean {
  const scopes: readonly string[] = quota['spec']?.scopes ?? [];
  const expressions: readonly ScopeRequirement[] = quota['spec']?.scopeSelector?.matchExpressions ?? [];
  const wanted: readonly ScopeRequirement[] = [
    ...scopes.map((scopeName): ScopeRequirement => ({ scopeName, operator: 'Exists' })),
    ...expressions,
  ];
  if (wanted.length === 0) return true;
  return type === 'pods' && wanted.every((requirement) => isInScope(object, requirement));
}

interface ScopeRequirement {
  readonly scopeName: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

function isInScope(pod: KubernetesObject, { scopeName, operator, values = [] }: ScopeRequirement): boolean {
  const spec = pod['spec'];
  const isBestEffort = pod['status']?.qosClass === 'BestEffort';
  switch (scopeName) {
    case 'Terminating':
      return spec.activeDeadlineSeconds !== undefined;
    case 'NotTerminating':
      return spec.activeDeadlineSeconds === undefined;
    case 'BestEffort':
      return isBestEffort;
    case 'NotBestEffort':
      return !isBestEffort;
    case 'CrossNamespacePodAffinity':
      return hasCrossNamespaceAffinity(spec);
    case 'PriorityClass': {
      const name: string = spec.priorityClassName ?? '';
      if (operator === 'In') return values.includes(name);
      if (operator === 'NotIn') return !values.includes(name);
      return (operator === 'Exists') === (name !== '');
    }
    default:
      return false;
  }
}

interface AffinityTerm {
  namespaces?: readonly string[];
  namespaceSelector?: object;
  podAffinityTerm?: AffinityTerm;
}

function hasCrossNamespaceAffinity(spec: Record<string, unknown>): boolean {
  const { podAffinity, podAntiAffinity } = (spec['affinity'] ?? {}) as Record<string, Record<string, AffinityTerm[]> | undefined>;
  return [podAffinity, podAntiAffinity]
    .flatMap((kind) => [
      ...(kind?.['requiredDuringSchedulingIgnoredDuringExecution'] ?? []),
      ...(kind?.['preferredDuringSchedulingIgnoredDuringExecution'] ?? []),
    ])
    .map((term) => term.podAffinityTerm ?? term)
    .some((term) => (term.namespaces ?? []).length > 0 || term.namespaceSelector !== undefined);
}

/** Sum over objects of one type. */
export function addUsage(total: ResourceList, type: string, objects: Iterable<KubernetesObject>): ResourceList {
  let sum = total;
  for (const object of objects) sum = addResources(sum, quotaUsage(type, object));
  return sum;
}

/**
 * Why `quota` refuses a change, or undefined: limits a container must name and does not, or amounts above what is left.
 *
 * @param change what the write adds, from `quotaUsage`; of an update the difference
 * @param count what is taken before, of the names in `change` at least; asked for where the change takes some of what is limited
 */
export function quotaRefusal(
  quota: KubernetesObject,
  type: string,
  object: KubernetesObject,
  change: ResourceList,
  count: () => ResourceList,
): string | undefined {
  const hard: ResourceList = quota['status']?.hard ?? quota['spec']?.hard ?? {};
  const name = quota.metadata.name;
  const missing = type === 'pods' ? unspecified(object, Object.keys(hard)) : [];
  if (missing.length > 0) return `failed quota: ${name}: must specify ${missing.join('; ')}`;
  const taken = Object.keys(hard).filter((resource) => change[resource] !== undefined && compareQuantity(change[resource], '0') > 0);
  if (taken.length === 0) return undefined;
  const used = count();
  const exceeded = taken
    .filter((resource) => compareQuantity(addQuantity(used[resource] ?? '0', change[resource]!), hard[resource]!) > 0)
    .sort();
  if (exceeded.length === 0) return undefined;
  const show = (list: ResourceList) => exceeded.map((resource) => `${resource}=${list[resource] ?? '0'}`).join(',');
  return `exceeded quota: ${name}, requested: ${show(change)}, used: ${show(used)}, limited: ${show(hard)}`;
}

interface Container {
  readonly name: string;
  readonly resources?: { readonly requests?: ResourceList; readonly limits?: ResourceList };
}

function unspecified(pod: KubernetesObject, names: readonly string[]): string[] {
  const required = names.filter((name) => REQUIRED.includes(name)).sort();
  const containers: Container[] = [...(pod['spec'].containers ?? []), ...(pod['spec'].initContainers ?? [])];
  return required.flatMap((name) => {
    const lacking = containers.filter(({ resources }) => !(name in computeUsage(resources?.requests ?? {}, resources?.limits ?? {})));
    return lacking.length === 0
      ? []
      : [
          `${name} for: ${lacking
            .map((container) => container.name)
            .sort()
            .join(',')}`,
        ];
  });
}
