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

interface ResourceMetric {
  readonly type?: string;
  readonly resource?: { readonly name?: string; readonly target?: Utilization; readonly current?: Utilization };
}

interface Utilization {
  readonly averageUtilization?: number;
  readonly averageValue?: string;
}

const formatUtilization = (u: Utilization | undefined): string | undefined =>
  u?.averageUtilization === undefined ? u?.averageValue : `${u.averageUtilization}%`;

function autoscalerTargets(o: KubernetesObject): string {
  const current: readonly ResourceMetric[] = o['status']?.currentMetrics ?? [];
  const texts = ((o['spec']?.metrics ?? []) as ResourceMetric[]).map((metric) => {
    const found = current.find((m) => m.resource?.name === metric.resource?.name);
    const name = metric.resource?.name;
    return `${name ? `${name}: ` : ''}${formatUtilization(found?.resource?.current) ?? unknown}/${formatUtilization(metric.resource?.target) ?? '<auto>'}`;
  });
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
