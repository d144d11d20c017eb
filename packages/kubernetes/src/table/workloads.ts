import type { KubernetesObject } from '../object.ts';
import {
  age,
  type Cell,
  containersAndImages,
  formatDuration,
  formatLabels,
  formatSelector,
  nameOf,
  none,
  type RowPrinter,
  since,
  unknown,
  unset,
} from './cells.ts';

/** Rows of apps, batch, autoscaling and policy. */

const templateOf = (o: KubernetesObject): [string, string] => containersAndImages(o['spec']?.template?.spec?.containers);

export const printDeployment: RowPrinter = (o, now) => {
  const [spec, status] = [o['spec'] ?? {}, o['status'] ?? {}];
  const ready = `${status.readyReplicas ?? 0}/${spec.replicas ?? 0}`;
  return [
    nameOf(o),
    ready,
    status.updatedReplicas ?? 0,
    status.availableReplicas ?? 0,
    age(o, now),
    ...templateOf(o),
    formatSelector(spec.selector),
  ];
};

export const printReplicaSet: RowPrinter = (o, now) => {
  const [spec, status] = [o['spec'] ?? {}, o['status'] ?? {}];
  return [
    nameOf(o),
    spec.replicas ?? 0,
    status.replicas ?? 0,
    status.readyReplicas ?? 0,
    age(o, now),
    ...templateOf(o),
    formatSelector(spec.selector),
  ];
};

/** A ReplicationController selects by plain labels. */
export const printReplicationController: RowPrinter = (o, now) => [
  ...printReplicaSet(o, now).slice(0, -1),
  formatLabels(o['spec']?.selector),
];

export const printPodTemplate: RowPrinter = (o) => {
  const { metadata, spec } = o['template'] ?? {};
  return [nameOf(o), ...containersAndImages(spec?.containers), formatLabels(metadata?.labels)];
};

export const printDaemonSet: RowPrinter = (o, now) => {
  const [spec, status] = [o['spec'] ?? {}, o['status'] ?? {}];
  const counts: Cell[] = [
    status.desiredNumberScheduled,
    status.currentNumberScheduled,
    status.numberReady,
    status.updatedNumberScheduled,
    status.numberAvailable,
  ].map((n) => n ?? 0);
  return [
    nameOf(o),
    ...counts,
    formatLabels(spec.template?.spec?.nodeSelector),
    age(o, now),
    ...templateOf(o),
    formatSelector(spec.selector),
  ];
};

export const printStatefulSet: RowPrinter = (o, now) => [
  nameOf(o),
  `${o['status']?.readyReplicas ?? 0}/${o['spec']?.replicas ?? 0}`,
  age(o, now),
  ...templateOf(o),
];

/** The first condition that holds names the state of a Job. */
function jobState(job: KubernetesObject): string {
  const holds = (type: string): boolean =>
    (job['status']?.conditions ?? []).some((c: { type: string; status: string }) => c.type === type && c.status === 'True');
  if (holds('Complete')) return 'Complete';
  if (holds('Failed')) return 'Failed';
  if (job.metadata.deletionTimestamp) return 'Terminating';
  return ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'].find(holds) ?? 'Running';
}

function jobCompletions(job: KubernetesObject): string {
  const [spec, done] = [job['spec'] ?? {}, job['status']?.succeeded ?? 0];
  if (spec.completions !== undefined) return `${done}/${spec.completions}`;
  return (spec.parallelism ?? 0) > 1 ? `${done}/1 of ${spec.parallelism}` : `${done}/1`;
}

export const printJob: RowPrinter = (job, now) => {
  const { startTime, completionTime } = job['status'] ?? {};
  const end = completionTime ? Date.parse(completionTime) : now.getTime();
  const duration = startTime ? formatDuration(end - Date.parse(startTime)) : '';
  return [
    nameOf(job),
    jobState(job),
    jobCompletions(job),
    duration,
    age(job, now),
    ...templateOf(job),
    formatSelector(job['spec']?.selector),
  ];
};

export const printCronJob: RowPrinter = (o, now) => {
  const [spec, status] = [o['spec'] ?? {}, o['status'] ?? {}];
  const suspend = spec.suspend === undefined ? unset : spec.suspend ? 'True' : 'False';
  const template = spec.jobTemplate?.spec ?? {};
  return [
    nameOf(o),
    spec.schedule ?? '',
    spec.timeZone ?? none,
    suspend,
    (status.active ?? []).length,
    status.lastScheduleTime ? since(status.lastScheduleTime, now) : none,
    age(o, now),
    ...containersAndImages(template.template?.spec?.containers),
    formatSelector(template.selector),
  ];
};

export const printControllerRevision: RowPrinter = (o, now) => {
  const owner = (o.metadata.ownerReferences ?? []).find((r) => r.controller);
  const group = owner?.apiVersion.includes('/') ? `.${owner.apiVersion.split('/')[0]}` : '';
  return [nameOf(o), owner ? `${owner.kind.toLowerCase()}${group}/${owner.name}` : none, o['revision'] ?? 0, age(o, now)];
};

export const printPodDisruptionBudget: RowPrinter = (o, now) => {
  const spec = o['spec'] ?? {};
  return [nameOf(o), `${spec.minAvailable ?? 'N/A'}`, `${spec.maxUnavailable ?? 'N/A'}`, o['status']?.disruptionsAllowed ?? 0, age(o, now)];
};

/** By value, by the average over the pods, or by the share of what they ask for. */
interface MetricValue {
  readonly value?: string;
  readonly averageValue?: string;
  readonly averageUtilization?: number;
}

/** Fields of a metric, and of its status, by its type. */
const metricSources: Readonly<Record<string, string>> = {
  Resource: 'resource',
  ContainerResource: 'containerResource',
  Pods: 'pods',
  Object: 'object',
  External: 'external',
};

const percent = (share: number | undefined): string | undefined => (share === undefined ? undefined : `${share}%`);

function metricTarget(metric: Readonly<Record<string, unknown>>, status: Readonly<Record<string, unknown>> | undefined): string {
  const type = String(metric['type']);
  const source = metricSources[type];
  if (source === undefined) return '<unknown type>';
  const { name, target = {} } = (metric[source] ?? {}) as { name?: string; target?: MetricValue };
  const { current = {} } = (status?.[source] ?? {}) as { current?: MetricValue };
  const isResource = type === 'Resource' || type === 'ContainerResource';
  const label = isResource ? `${name}: ` : '';
  if (target.averageValue !== undefined) {
    const average = isResource || type === 'Pods' ? '' : ' (avg)';
    return `${label}${current.averageValue ?? unknown}/${target.averageValue}${average}`;
  }
  if (!isResource) return `${current.value ?? unknown}/${target.value ?? unknown}`;
  return `${label}${percent(current.averageUtilization) ?? unknown}/${percent(target.averageUtilization) ?? '<auto>'}`;
}

/** autoscaling/v1 has one metric, and a name of its own for it. */
function metricsOfV1({ spec, status }: KubernetesObject): [metrics: object[], current: object[]] {
  const cpu = (what: string, averageUtilization: number | undefined) =>
    averageUtilization === undefined ? [] : [{ type: 'Resource', resource: { name: 'cpu', [what]: { averageUtilization } } }];
  return [cpu('target', spec?.targetCPUUtilizationPercentage), cpu('current', status?.currentCPUUtilizationPercentage)];
}

function autoscalerTargets(o: KubernetesObject): string {
  const [v1Metrics, v1Current] = metricsOfV1(o);
  const current: readonly Record<string, unknown>[] = o['status']?.currentMetrics ?? v1Current;
  const metrics: readonly Record<string, unknown>[] = o['spec']?.metrics ?? v1Metrics;
  const texts = metrics.map((metric, i) => metricTarget(metric, current[i]));
  if (texts.length === 0) return none;
  return texts.length > 2 ? `${texts.slice(0, 2).join(', ')} + ${texts.length - 2} more...` : texts.join(', ');
}

export const printHorizontalPodAutoscaler: RowPrinter = (o, now) => {
  const spec = o['spec'] ?? {};
  const target = `${spec.scaleTargetRef?.kind}/${spec.scaleTargetRef?.name}`;
  return [
    nameOf(o),
    target,
    autoscalerTargets(o),
    `${spec.minReplicas ?? unset}`,
    spec.maxReplicas ?? 0,
    o['status']?.currentReplicas ?? 0,
    age(o, now),
  ];
};
