import type { KubernetesObject } from '@palisade/kubernetes';
import type { Conversion } from './resource.ts';

/** events.k8s.io/v1 name of each core/v1 Event field that is called otherwise there. */
const EVENT_FIELDS: readonly (readonly [core: string, events: string])[] = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
  ['reportingComponent', 'reportingController'],
];

function rename(object: KubernetesObject, names: ReadonlyMap<string, string>): KubernetesObject {
  return Object.fromEntries(Object.entries(object).map(([field, value]) => [names.get(field) ?? field, value])) as KubernetesObject;
}

const toCore = new Map(EVENT_FIELDS.map(([core, events]) => [events, core]));
const fromCore = new Map(EVENT_FIELDS);

const eventsConversion: Conversion = {
  toStored: (object) => rename(object, toCore),
  fromStored: (object) => rename(object, fromCore),
};

const CPU_TARGET = 'targetCPUUtilizationPercentage';

/** autoscaling/v1 knows one metric: the average use of CPU. Others are kept in v2 only. */
const autoscalerConversion: Conversion = {
  toStored(object) {
    const { [CPU_TARGET]: target, ...spec } = object['spec'] ?? {};
    const { currentCPUUtilizationPercentage: current, ...status } = object['status'] ?? {};
    if (target !== undefined) {
      spec.metrics = [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: target } } }];
    }
    if (current !== undefined) {
      status.currentMetrics = [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: current } } }];
    }
    return { ...object, spec, status };
  },
  fromStored(object) {
    const { metrics, behavior: _, ...spec } = object['spec'] ?? {};
    const { currentMetrics, conditions: __, ...status } = object['status'] ?? {};
    const cpu = (list: { resource?: { name?: string } }[] | undefined) => list?.find((metric) => metric.resource?.name === 'cpu')?.resource;
    // biome-ignore lint/suspicious/noExplicitAny: wire object
    const wanted = (cpu(metrics) as any)?.target?.averageUtilization;
    // biome-ignore lint/suspicious/noExplicitAny: wire object
    const current = (cpu(currentMetrics) as any)?.current?.averageUtilization;
    if (wanted !== undefined) spec[CPU_TARGET] = wanted;
    if (current !== undefined) status.currentCPUUtilizationPercentage = current;
    return { ...object, spec, status };
  },
};

export interface StoredAs {
  readonly storeType: string;
  readonly apiVersion: string;
  readonly conversion: Conversion;
}

/** Served versions that are stored as another version, by `group/version/resource`. */
export const STORED_AS: ReadonlyMap<string, StoredAs> = new Map([
  ['events.k8s.io/v1/events', { storeType: 'events', apiVersion: 'v1', conversion: eventsConversion }],
  [
    'autoscaling/v1/horizontalpodautoscalers',
    { storeType: 'horizontalpodautoscalers.autoscaling', apiVersion: 'autoscaling/v2', conversion: autoscalerConversion },
  ],
]);
