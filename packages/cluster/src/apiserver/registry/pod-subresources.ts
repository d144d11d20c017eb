import {
  badRequest,
  cloneObject,
  conflict,
  type DeleteOptions,
  disruptionBudget,
  formatCauses,
  type KubernetesObject,
  matchLabelSelector,
  plainFailure,
  type StatusCause,
} from '@palisade/kubernetes';
import { admitNode } from '../admission/node-restriction.ts';
import { admitPosted } from '../admission/subresource.ts';
import type { Core, Scope } from '../core.ts';
import { decodeBody, type ParsedBody } from './decode-body.ts';
import { deleteObject } from './delete.ts';
import { getObject } from './read.ts';
import { formatTime } from './time.ts';
import { otherObject, updateObject } from './update.ts';

const BINDING = { group: '', version: 'v1', kind: 'Binding' };
const EVICTION = { group: 'policy', version: 'v1', kind: 'Eviction' };

const SUCCESS: KubernetesObject = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };

const PODS = { group: '', resource: 'pods' };

/** POST bindings: the pod is named in the body alone. */
export async function bindNamedPod(core: Core, scope: Scope, body: ParsedBody): Promise<KubernetesObject> {
  const pods = core.catalog.find({ ...PODS, version: 'v1' })!;
  const named = (body.value as Partial<KubernetesObject> | null)?.metadata?.name;
  return bindPod(core, { ...scope, resource: pods, name: typeof named === 'string' ? named : '', subresource: 'binding' }, body);
}

/** POST pods/X/binding: the scheduler's decision. A pod is bound once. */
export async function bindPod(core: Core, scope: Scope, body: ParsedBody): Promise<KubernetesObject> {
  const binding = await admitPosted(core, scope, BINDING, decodeBody(core, scope, BINDING, body));
  const { uid, resourceVersion, annotations } = binding.metadata;
  if (binding.metadata.name !== scope.name) throw badRequest('name in URL does not match name in Binding object');
  const target: { kind?: string; name?: string } = binding['target'] ?? {};
  const faults = bindingFaults(target);
  if (faults.length > 0) throw plainFailure(500, formatCauses(faults));
  await updateObject(core, scope, {
    part: 'whole-unchecked',
    compute(current) {
      const is = current.metadata;
      if (uid && uid !== is.uid) throw otherObject(scope, 'UID', uid, is.uid);
      if (resourceVersion && resourceVersion !== is.resourceVersion)
        throw otherObject(scope, 'ResourceVersion', resourceVersion, is.resourceVersion);
      const refusal = refuseBinding(scope.name, current);
      if (refusal !== undefined) throw conflict({ group: '', resource: 'pods/binding' }, scope.name, refusal);
      const pod = cloneObject(current);
      pod['spec'].nodeName = target.name;
      if (annotations !== undefined) pod.metadata.annotations = { ...pod.metadata.annotations, ...annotations };
      pod['status'] = { ...pod['status'], conditions: withScheduled(pod['status']?.conditions ?? [], formatTime(core.clock())) };
      return pod;
    },
  });
  return SUCCESS;
}

function bindingFaults({ kind, name }: { kind?: string; name?: string }): StatusCause[] {
  const faults: StatusCause[] = [];
  if (kind && kind !== 'Node') {
    const message = `Unsupported value: ${JSON.stringify(kind)}: supported values: "Node", "<empty>"`;
    faults.push({ reason: 'FieldValueNotSupported', message, field: 'target.kind' });
  }
  if (!name) faults.push({ reason: 'FieldValueRequired', message: 'Required value', field: 'target.name' });
  return faults;
}

function refuseBinding(name: string, { metadata, spec }: KubernetesObject): string | undefined {
  if (metadata.deletionTimestamp !== undefined) return `pod ${name} is being deleted, cannot be assigned to a host`;
  if (spec?.nodeName) return `pod ${name} is already assigned to node "${spec.nodeName}"`;
  return spec?.schedulingGates?.length > 0 ? `pod ${name} has non-empty .spec.schedulingGates` : undefined;
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly lastTransitionTime?: string | null | undefined;
}

/** The condition keeps its place, and its time while it says the same. */
function withScheduled(conditions: readonly Condition[], now: string): Condition[] {
  const at = conditions.findIndex(({ type }) => type === 'PodScheduled');
  const before = conditions[at];
  const lastTransitionTime = before?.status === 'True' ? before.lastTransitionTime : now;
  const scheduled = { type: 'PodScheduled', status: 'True', lastProbeTime: null, lastTransitionTime };
  return before === undefined ? [...conditions, scheduled] : conditions.with(at, scheduled);
}

/** POST pods/X/eviction: a DELETE that asks the PodDisruptionBudgets first (policy/v1 Eviction). */
export async function evictPod(core: Core, scope: Scope, body: ParsedBody): Promise<KubernetesObject> {
  const eviction = await admitPosted(core, scope, EVICTION, decodeBody(core, scope, EVICTION, body));
  if (eviction.metadata.name !== undefined && eviction.metadata.name !== scope.name) {
    throw badRequest(`name in URL does not match name in Eviction object: "${scope.name}" != "${eviction.metadata.name}"`);
  }
  const pod = (await getObject(core, scope)).object;
  // Before a budget is spent: whoever is refused has taken no disruption from others.
  admitNode(core, scope, 'DELETE', undefined, pod);
  const phase = pod['status']?.phase;
  const ended = phase === 'Succeeded' || phase === 'Failed' || phase === 'Pending' || pod.metadata.deletionTimestamp !== undefined;
  if (!ended) await spendBudget(core, scope, pod);
  await deleteObject(core, scope, (eviction['deleteOptions'] ?? {}) as DeleteOptions, { isAdmitted: true });
  return SUCCESS;
}

async function spendBudget(core: Core, scope: Scope, pod: KubernetesObject): Promise<void> {
  const type = 'poddisruptionbudgets.policy';
  const budgets = core.store
    .list(type, scope.namespace)
    .filter((entry) => matchLabelSelector(entry.object['spec']?.selector, pod.metadata.labels));
  if (budgets.length > 1) {
    throw disruptionBudget('This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.');
  }
  const budget = budgets[0];
  if (budget === undefined) return;
  const status = budget.object['status'] ?? {};
  if ((status.observedGeneration ?? 0) < (budget.object.metadata.generation ?? 0))
    throw disruptionBudget(`The disruption budget ${budget.name} is still being processed by the server.`, 10);
  const allowed: number = status.disruptionsAllowed ?? 0;
  if (allowed <= 0) {
    const { currentHealthy = 0, desiredHealthy = 0 } = status;
    throw disruptionBudget(`The disruption budget ${budget.name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`);
  }
  if (scope.dryRun) return;
  const spent = cloneObject(budget.object);
  spent['status'] = {
    ...status,
    disruptionsAllowed: allowed - 1,
    disruptedPods: { ...status.disruptedPods, [scope.name]: formatTime(core.clock()) },
  };
  core.store.update(type, scope.namespace, budget.name, spent, budget.rv);
}
