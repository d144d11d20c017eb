/** The pods that manifests would make, one a workload, and the endpoints of their services: enough to ask who may call whom. */
import { decideInjection } from '@palisade/control-plane/inject';
import { revisionName } from '@palisade/control-plane/revision';
import type { KubernetesObject } from '@palisade/kubernetes';
import { tlsModeLabel } from '@palisade/mesh/traffic';
import { podPlaces } from './pod-places.ts';

/**
 * A namespace that says nothing of injection, or is not among the manifests, is taken to be in the mesh: manifests seldom hold its label.
 * Addresses are of a documentation range (RFC 5737).
 */
export function podsAndSlicesOf(objects: readonly KubernetesObject[]): { pods: KubernetesObject[]; endpointSlices: KubernetesObject[] } {
  const namespaces = new Map(
    objects.filter(({ kind }) => kind === 'Namespace').map(({ metadata }) => [metadata.name, metadata.labels ?? {}]),
  );
  const pods = objects
    .flatMap((object) => podOf(object, namespaces.get(object.metadata.namespace ?? 'default') ?? {}))
    .map((pod, index) => {
      const podIP = `198.51.${100 + Math.floor(index / 250)}.${(index % 250) + 1}`;
      return { ...pod, status: { phase: 'Running', podIP, podIPs: [{ ip: podIP }] } };
    });
  const endpointSlices = objects.filter(({ kind }) => kind === 'Service').map((service) => sliceOf(service, pods));
  return { pods, endpointSlices };
}

interface Template {
  readonly metadata?: { readonly labels?: Record<string, string>; readonly annotations?: Record<string, string> };
  readonly spec?: Readonly<Record<string, unknown>>;
}

function podOf(object: KubernetesObject, namespaceLabels: Readonly<Record<string, string>>): KubernetesObject[] {
  const place = podPlaces.get(object.kind ?? '');
  const template = place?.reduce<unknown>((value, step) => (value as Readonly<Record<string, unknown>> | undefined)?.[step], object) as
    | Template
    | undefined;
  if (template === undefined) return [];
  const { labels = {}, annotations = {} } = template.metadata ?? {};
  const { namespace = 'default', name = '' } = object.metadata;
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { namespace, name, annotations, labels }, spec: template.spec ?? {} };
  const isSaid = injectionLabels.some((label) => namespaceLabels[label] !== undefined);
  const decided = { name: namespace, labels: isSaid ? namespaceLabels : { 'istio-injection': 'enabled' } };
  if (!decideInjection(pod, decided).isInjected) return [pod];
  return [{ ...pod, metadata: { ...pod.metadata, labels: { ...labels, [tlsModeLabel]: 'istio' } } }];
}

const injectionLabels = ['istio-injection', revisionName];

interface ServicePort {
  readonly name?: string;
  readonly port: number;
  readonly protocol?: string;
  readonly targetPort?: number | string;
}

function sliceOf(service: KubernetesObject, pods: readonly KubernetesObject[]): KubernetesObject {
  const { namespace = 'default', name = '' } = service.metadata;
  const spec = service['spec'] as { selector?: Record<string, string>; ports?: ServicePort[] } | undefined;
  const selector = Object.entries(spec?.selector ?? {});
  const backing = pods.filter(
    ({ metadata }) =>
      selector.length > 0 && metadata.namespace === namespace && selector.every(([key, value]) => metadata.labels?.[key] === value),
  );
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { namespace, name, labels: { 'kubernetes.io/service-name': name } },
    ports: (spec?.ports ?? []).map((port) => ({
      name: port.name ?? '',
      protocol: port.protocol ?? 'TCP',
      port: targetPortOf(port, backing),
    })),
    endpoints: backing.map(({ metadata, status }) => ({
      addresses: [(status as { podIP: string }).podIP],
      conditions: { ready: true },
      targetRef: { kind: 'Pod', name: metadata.name, namespace },
    })),
  };
}

function targetPortOf({ port, targetPort }: ServicePort, pods: readonly KubernetesObject[]): number {
  if (typeof targetPort !== 'string') return targetPort ?? port;
  type Containers = readonly { readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[] }[];
  const containers = pods.flatMap((pod) => ((pod['spec'] as { containers?: Containers } | undefined)?.containers ?? []) as Containers);
  return containers.flatMap(({ ports = [] }) => ports).find(({ name }) => name === targetPort)?.containerPort ?? port;
}
