import {
  badRequest,
  conflict,
  type DeleteOptions,
  disruptionBudget,
  invalid,
  type KubernetesObject,
  matchLabelSelector,
} from '@palisade/kubernetes';
import { admitNode } from '../admission/node-restriction.ts';
import type { Core, Scope } from '../core.ts';
import { cloneObject, decodeBody, type ParsedBody } from './decode-body.ts';
import { deleteObject } from './delete.ts';
import { getObject } from './read.ts';
import { formatTime } from './time.ts';
import { updateObject } from './update.ts';

const SUCCESS: KubernetesObject = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };

/** POST pods/X/binding: the scheduler's decision. A pod is bound once. */
export async function bindPod(core: Core, scope: Scope, body: ParsedBody): Promise<KubernetesObject> {
  const binding = decodeBody(core, scope, { group: '', version: 'v1', kind: 'Binding' }, body);
  const node: string = binding['target']?.name ?? '';
  if (node === '')
    throw invalid({ group: '', kind: 'Binding' }, scope.name, [
      { reason: 'FieldValueRequired', message: 'Required value', field: 'target.name' },
    ]);
  const target = { group: '', resource: 'pods/binding' };
  await updateObject(core, scope, {
    part: 'whole-unchecked',
    compute(current) {
      if (current.metadata.deletionTimestamp !== undefined) {
        throw conflict(target, scope.name, `pod ${scope.name} is being deleted, cannot be assigned to a host`);
      }
      const taken: string | undefined = current['spec']?.nodeName;
      if (taken) throw conflict(target, scope.name, `pod ${scope.name} is already assigned to node "${taken}"`);
      const pod = cloneObject(current);
      pod['spec'].nodeName = node;
      const added = binding.metadata.annotations;
      if (added !== undefined) pod.metadata.annotations = { ...pod.metadata.annotations, ...added };
      const conditions = (pod['status']?.conditions ?? []).filter((condition: { type: string }) => condition.type !== 'PodScheduled');
      const scheduled = { type: 'PodScheduled', status: 'True', lastProbeTime: null, lastTransitionTime: formatTime(core.clock()) };
      pod['status'] = { ...pod['status'], conditions: [...conditions, scheduled] };
      return pod;
    },
  });
  return SUCCESS;
}

/** POST pods/X/eviction: a DELETE that asks the PodDisruptionBudgets first (policy/v1 Eviction). */
export async function evictPod(core: Core, scope: Scope, body: ParsedBody): Promise<KubernetesObject> {
  const eviction = decodeBody(core, scope, { group: 'policy', version: 'v1', kind: 'Eviction' }, body);
  if (eviction.metadata.name !== undefined && eviction.metadata.name !== scope.name) {
    throw badRequest(`name in URL does not match name in Eviction object: "${scope.name}" != "${eviction.metadata.name}"`);
  }
  const pod = (await getObject(core, scope)).object;
  // Before a budget is spent: whoever is refused has taken no disruption from others.
  admitNode(core, scope, 'DELETE', undefined, pod);
  const phase = pod['status']?.phase;
  const ended = phase === 'Succeeded' || phase === 'Failed' || phase === 'Pending' || pod.metadata.deletionTimestamp !== undefined;
  if (!ended) await spendBudget(core, scope, pod);
  await deleteObject(core, scope, (eviction['deleteOptions'] ?? {}) as DeleteOptions);
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
