/** What questions about the mesh are asked of: a live cluster, or the cluster that manifests would make. */

import { readCapture } from '@palisade/agent/intercept';
import { isOfRevision, revision, revisionName } from '@palisade/control-plane/revision';
import { readSettings } from '@palisade/control-plane/settings';
import { type MeshKind, meshKinds, type ObjectSource, readSnapshot } from '@palisade/control-plane/snapshot';
import { type ApiClient, isStatusError, type KubernetesObject } from '@palisade/kubernetes';
import { type MeshSnapshot, readWorkload, tlsModeLabel, type Workload } from '@palisade/mesh/traffic';
import { type ManifestFile, readManifests } from '@palisade/netpol';
import { excerptOf } from '../excerpt.ts';
import { kubeconfigToUse } from '../kubeconfig.ts';
import { withClient, yamlOf } from '../netpol/live.ts';
import { readFiles } from '../netpol/read-files.ts';
import { podsAndSlicesOf } from './manifest-pods.ts';

export interface MeshSourceOptions {
  readonly filename?: readonly string[];
  readonly kubeconfig?: string;
  readonly istioNamespace: string;
}

export interface MeshSource {
  readonly snapshot: MeshSnapshot;
  readonly pods: readonly KubernetesObject[];
  readonly services: readonly KubernetesObject[];
  readonly namespaces: readonly KubernetesObject[];
  /** What of the objects is not in force, one sentence each. */
  readonly problems: readonly string[];
  readonly isLive: boolean;
  /** `policies/db.yaml:12` of a field of an object. */
  lineOf(kind: string, namespace: string, name: string, path: string): string | undefined;
  excerptOf(line: string): string;
}

type Objects = Readonly<Record<MeshKind, readonly KubernetesObject[]>>;

const kindNames: Partial<Record<MeshKind, string>> = {
  authorizationPolicies: 'AuthorizationPolicy',
  peerAuthentications: 'PeerAuthentication',
  requestAuthentications: 'RequestAuthentication',
  destinationRules: 'DestinationRule',
  virtualServices: 'VirtualService',
  serviceRoles: 'ServiceRole',
  serviceRoleBindings: 'ServiceRoleBinding',
};

export async function loadMesh(options: MeshSourceOptions): Promise<MeshSource> {
  return options.filename === undefined
    ? withClient(kubeconfigToUse(options.kubeconfig), (client) => meshOfCluster(client, options.istioNamespace))
    : meshOfFiles(readFiles(options.filename), options.istioNamespace);
}

export async function meshOfCluster(client: ApiClient, rootNamespace: string): Promise<MeshSource> {
  const entries = Object.entries(meshKinds).map(async ([kind, [group, version, resource]]) => {
    const apiVersion = group === '' ? version : `${group}/${version}`;
    const items = await client.list({ group, version, resource }).then(
      (list) => list.items,
      (error: unknown) => {
        // A cluster that does not know a kind has no objects of it.
        if (group !== '' && isStatusError(error, 'NotFound')) return [];
        throw error;
      },
    );
    const name = kindNames[kind as MeshKind];
    return [kind, items.map((item) => ({ ...item, apiVersion, ...(name === undefined ? {} : { kind: name }) }))] as const;
  });
  const objects = Object.fromEntries(await Promise.all(entries)) as unknown as Objects;
  const written = Object.entries(kindNames).flatMap(([kind]) => objects[kind as MeshKind].map(yamlOf));
  return sourceOf(objects, written, rootNamespace, true);
}

export function meshOfFiles(files: readonly ManifestFile[], rootNamespace: string): MeshSource {
  const { objects } = readManifests(files);
  const { pods, endpointSlices } = podsAndSlicesOf(objects);
  const of = ([group, , resource]: readonly [string, string, string]) =>
    objects.filter(({ apiVersion = '', kind = '' }) => {
      const found = apiVersion.includes('/') ? apiVersion.split('/')[0] : '';
      return found === group && pluralsOf(kind).includes(resource);
    });
  const read = Object.fromEntries(Object.entries(meshKinds).map(([kind, resource]) => [kind, of(resource)])) as unknown as Objects;
  return sourceOf({ ...read, pods, endpointSlices }, files, rootNamespace, false);
}

function pluralsOf(kind: string): string[] {
  const lower = kind.toLowerCase();
  return [`${lower}s`, `${lower}es`, lower.replace(/y$/, 'ies')];
}

function sourceOf(objects: Objects, files: readonly ManifestFile[], rootNamespace: string, isLive: boolean): MeshSource {
  const config = objects.configMaps.find(({ metadata }) => metadata.name === 'istio' && metadata.namespace === rootNamespace);
  const settings = readSettings((config?.['data'] as Record<string, string> | undefined)?.['mesh'], rootNamespace);
  const sources = Object.fromEntries(Object.entries(objects).map(([kind, list]) => [kind, asSource(list)])) as unknown as Readonly<
    Record<MeshKind, ObjectSource>
  >;
  const problems: string[] = [];
  const snapshot = readSnapshot(
    sources,
    settings,
    () => undefined,
    (problem) => problems.push(problem),
  );
  // Another control plane's business when there is one; whoever asks here sees why it changes nothing.
  for (const kind of Object.keys(kindNames) as MeshKind[]) {
    for (const { metadata } of objects[kind].filter((each) => !isOfRevision(each.metadata.labels)))
      problems.push(
        `${kindNames[kind]} ${metadata.namespace}/${metadata.name} is for the control plane ${revisionName}=${metadata.labels?.[revisionName]}; this one is ${revision}`,
      );
  }
  const { lineOf } = readManifests(files);
  return {
    snapshot,
    pods: objects.pods,
    services: objects.services,
    namespaces: objects.namespaces,
    problems,
    isLive,
    lineOf: (kind, namespace, name, path) => lineOf({ kind, namespace, name }, path),
    excerptOf: (line) => excerptOf(files, line),
  };
}

function asSource(list: readonly KubernetesObject[]): ObjectSource {
  const byKey = new Map(list.map((object) => [`${object.metadata.namespace ?? ''}/${object.metadata.name}`, object]));
  return { list: () => list, get: (key) => byKey.get(key) };
}

/** A sidecar (its label is set at injection; in manifests by `podsAndSlicesOf`), or nothing but a proxy: a gateway. */
export function hasProxy(pod: KubernetesObject): boolean {
  return pod.metadata.labels?.[tlsModeLabel] === 'istio' || workloadOf(pod).isGateway;
}

export function workloadOf(pod: KubernetesObject): Workload {
  return readWorkload(pod);
}

interface InitContainer {
  readonly name: string;
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
}

/** Whether what comes for this port of the pod is led to its proxy: all of it, but for annotations and Istio 1.1's profile. */
export function isIntercepted(pod: KubernetesObject, port: number): boolean {
  const { initContainers = [] } = (pod['spec'] ?? {}) as { initContainers?: readonly InitContainer[] };
  const init = initContainers.find(({ name }) => name === 'istio-init');
  const { inboundPorts, excludedInboundPorts } = readCapture(
    Object.fromEntries((init?.env ?? []).map(({ name, value }) => [name, value ?? ''])),
  );
  return (inboundPorts === '*' || inboundPorts.includes(port)) && !excludedInboundPorts.includes(port);
}
