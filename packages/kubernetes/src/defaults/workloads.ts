import { type Defaulter, fill, part, type Struct } from './value.ts';

/** Defaults of apps, batch and autoscaling (kubernetes `pkg/apis/{apps,batch,autoscaling}/v1*`), by definition. */

const apps = 'io.k8s.api.apps.v1.';
const batch = 'io.k8s.api.batch.v1.';
const autoscaling = 'io.k8s.api.autoscaling.';
/** Retries without bound, when they are bounded by index instead. */
const maxInt32 = 2 ** 31 - 1;

const specOf = (value: Struct): Struct => part(value, 'spec');

/** Fills `type: RollingUpdate` and, for that type, its parameters. */
function rollingUpdate(holder: Struct, field: string, parameters: Struct): void {
  holder[field] ??= {};
  const strategy: Struct = holder[field];
  fill(strategy, { type: 'RollingUpdate' });
  if (strategy['type'] !== 'RollingUpdate') return;
  strategy['rollingUpdate'] ??= {};
  fill(strategy['rollingUpdate'], parameters);
}

const deployment: Defaulter = (d) => {
  const spec = specOf(d);
  fill(spec, { replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600 });
  rollingUpdate(spec, 'strategy', { maxUnavailable: '25%', maxSurge: '25%' });
};

const daemonSet: Defaulter = (d) => {
  const spec = specOf(d);
  fill(spec, { revisionHistoryLimit: 10 });
  rollingUpdate(spec, 'updateStrategy', { maxUnavailable: 1, maxSurge: 0 });
  // What was a field in the first version.
  fill(part(part(d, 'metadata'), 'annotations'), { 'deprecated.daemonset.template.generation': '0' });
};

const statefulSet: Defaulter = (s) => {
  const spec = specOf(s);
  fill(spec, { podManagementPolicy: 'OrderedReady', replicas: 1, revisionHistoryLimit: 10, persistentVolumeClaimRetentionPolicy: {} });
  fill(spec['persistentVolumeClaimRetentionPolicy'], { whenDeleted: 'Retain', whenScaled: 'Retain' });
  rollingUpdate(spec, 'updateStrategy', { partition: 0 });
  for (const claim of (spec['volumeClaimTemplates'] ?? []) as Struct[]) fill(claim, { apiVersion: 'v1', kind: 'PersistentVolumeClaim' });
};

const job: Defaulter = (j) => {
  const spec = specOf(j);
  // Neither given: one pod. Only completions absent: a work queue, which stays open.
  if (spec['completions'] === undefined && spec['parallelism'] === undefined) spec['completions'] = 1;
  fill(spec, {
    parallelism: 1,
    backoffLimit: spec['backoffLimitPerIndex'] === undefined ? 6 : maxInt32,
    completionMode: 'NonIndexed',
    suspend: false,
    manualSelector: false,
    podReplacementPolicy: spec['podFailurePolicy'] ? 'Failed' : 'TerminatingOrFailed',
  });
  for (const rule of (spec['podFailurePolicy']?.rules ?? []) as Struct[]) {
    for (const pattern of (rule['onPodConditions'] ?? []) as Struct[]) fill(pattern, { status: 'True' });
  }
  const labels: Struct | undefined = spec['template']?.metadata?.labels;
  if (labels && Object.keys(j['metadata']?.labels ?? {}).length === 0) j['metadata'] = { ...j['metadata'], labels: { ...labels } };
};

const cronJob: Defaulter = (c) => {
  fill(specOf(c), { concurrencyPolicy: 'Allow', suspend: false, successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 1 });
};

const scalingPolicies = {
  scaleUp: [
    { type: 'Pods', value: 4, periodSeconds: 15 },
    { type: 'Percent', value: 100, periodSeconds: 15 },
  ],
  scaleDown: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
};

const podAutoscaler: Defaulter = (a) => {
  const spec = specOf(a);
  fill(spec, { minReplicas: 1 });
  if ((spec['metrics'] ?? []).length === 0) {
    spec['metrics'] = [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } }];
  }
  if (!spec['behavior']) return;
  for (const direction of ['scaleUp', 'scaleDown'] as const) {
    const rules: Struct = part(spec['behavior'], direction);
    fill(rules, { selectPolicy: 'Max', policies: structuredClone(scalingPolicies[direction]) });
    if (direction === 'scaleUp') fill(rules, { stabilizationWindowSeconds: 0 });
  }
};

export const workloadDefaults: Readonly<Record<string, Defaulter>> = {
  [`${apps}Deployment`]: deployment,
  [`${apps}DaemonSet`]: daemonSet,
  [`${apps}StatefulSet`]: statefulSet,
  [`${apps}ReplicaSet`]: (r) => fill(specOf(r), { replicas: 1 }),
  [`${batch}Job`]: job,
  [`${batch}CronJob`]: cronJob,
  [`${autoscaling}v2.HorizontalPodAutoscaler`]: podAutoscaler,
  [`${autoscaling}v1.HorizontalPodAutoscaler`]: (a) => fill(specOf(a), { minReplicas: 1 }),
};
