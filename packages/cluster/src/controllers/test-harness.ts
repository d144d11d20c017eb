/** For tests: the controllers over an API server in memory, with a clock that moves when told. */
import type { GroupVersionResource, KubernetesObject } from '@palisade/kubernetes';
import { createFakeClient, createFakeClock, type FakeClient, type FakeClock } from '@palisade/kubernetes/testing';
import { type Controllers, startControllers } from './index.ts';
import { Resource } from './runtime/resources.ts';
import type { LocalVolumes } from './volume/index.ts';

export interface Harness extends AsyncDisposable {
  client: FakeClient;
  clock: FakeClock;
  controllers: Controllers;
  log: string[];
  /** Runs everything that is due now to its end. */
  settle(): Promise<void>;
  /** Moves time on in steps of a second, settling after each. */
  pass(seconds: number): Promise<void>;
  list(resource: GroupVersionResource, namespace?: string): Promise<KubernetesObject[]>;
  get(resource: GroupVersionResource, name: string, namespace?: string): Promise<KubernetesObject>;
  /** `reason: message` of all events, oldest first. */
  events(): Promise<string[]>;
  /** Plays a kubelet and a storage: claims are bound, assigned pods run and are ready, deleted ones vanish. */
  runPods(): Promise<void>;
}

export async function startHarness(
  options: { nodes?: string[]; cacheLag?: number; before?: (client: FakeClient) => Promise<void>; volumes?: LocalVolumes } = {},
): Promise<Harness> {
  const clock = createFakeClock();
  const client = createFakeClient(clock.now);
  const log: string[] = [];
  await client.create(Resource.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
  for (const name of options.nodes ?? ['node1']) await client.create(Resource.nodes, makeNode(name));
  await options.before?.(client);
  /** Turns of the event loop by which caches lag behind the server. */
  const { cacheLag = 0 } = options;
  if (cacheLag > 0) client.watchDelay = () => turns(cacheLag);
  const controllers = startControllers({
    client,
    clock,
    signal: new AbortController().signal,
    log: (level, message) => log.push(`${level}: ${message}`),
    caCertificatePem: 'PEM',
    resources: () => SERVED,
    random: () => 0.5,
    ...(options.volumes === undefined ? {} : { volumes: options.volumes }),
  });
  await controllers.ready;

  /** Everything in memory moves by microtasks and immediates: several idle turns in a row mean rest. Retries of failures are due at once. */
  async function settle(): Promise<void> {
    for (let idle = 0; idle < 8; ) {
      await turns(3 + 3 * cacheLag);
      idle = controllers.isIdle() ? idle + 1 : 0;
      if (idle === 4) clock.advance(50);
    }
  }
  const harness: Harness = {
    client,
    clock,
    controllers,
    log,
    settle,
    async pass(seconds) {
      for (let i = 0; i < seconds; i++) {
        clock.advance(1000);
        await settle();
      }
    },
    list: async (resource, namespace) => (await client.list(resource, namespace === undefined ? {} : { namespace })).items,
    get: (resource, name, namespace = 'default') =>
      client.get(resource, resource === Resource.nodes || resource === Resource.namespaces ? { name } : { name, namespace }),
    async events() {
      return (await client.list(Resource.events)).items.map((event) => `${event['reason']}: ${event['message']}`);
    },
    async runPods() {
      await settle();
      for (const claim of (await client.list(Resource.persistentVolumeClaims)).items) {
        if (claim['status']?.phase === 'Bound') continue;
        await client.update(Resource.persistentVolumeClaims, { ...claim, status: { phase: 'Bound' } }, { subresource: 'status' });
        clock.advance(1000);
        await settle();
      }
      for (const pod of (await client.list(Resource.pods)).items) {
        const { namespace, name } = pod.metadata;
        const key = { namespace: String(namespace), name: String(name) };
        if (pod.metadata.deletionTimestamp !== undefined) await client.delete(Resource.pods, key, { gracePeriodSeconds: 0 });
        else if (pod['spec'].nodeName && pod['status']?.phase === 'Pending')
          await client.update(Resource.pods, { ...pod, status: readyStatus(clock.now()) }, { subresource: 'status' });
      }
      await settle();
    },
    async [Symbol.asyncDispose]() {
      await controllers.stop();
    },
  };
  await settle();
  return harness;
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

const KINDS: [GroupVersionResource, string][] = [
  [Resource.pods, 'Pod'],
  [Resource.services, 'Service'],
  [Resource.serviceAccounts, 'ServiceAccount'],
  [Resource.configMaps, 'ConfigMap'],
  [Resource.endpoints, 'Endpoints'],
  [Resource.endpointSlices, 'EndpointSlice'],
  [Resource.events, 'Event'],
  [Resource.deployments, 'Deployment'],
  [Resource.replicaSets, 'ReplicaSet'],
  [Resource.jobs, 'Job'],
  [Resource.cronJobs, 'CronJob'],
  [Resource.daemonSets, 'DaemonSet'],
  [Resource.statefulSets, 'StatefulSet'],
  [Resource.controllerRevisions, 'ControllerRevision'],
  [Resource.podDisruptionBudgets, 'PodDisruptionBudget'],
  [Resource.persistentVolumeClaims, 'PersistentVolumeClaim'],
  [Resource.nodes, 'Node'],
  [Resource.namespaces, 'Namespace'],
];

const SERVED = KINDS.map(([resource, kind]) => ({
  ...resource,
  kind,
  namespaced: kind !== 'Node' && kind !== 'Namespace',
  verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
}));

let address = 0;

function readyStatus(now: Date): KubernetesObject['status'] {
  const ip = `10.244.0.${(address++ % 250) + 1}`;
  return {
    phase: 'Running',
    podIP: ip,
    podIPs: [{ ip }, { ip: `fd00:10:244::${ip.split('.')[3]}` }],
    conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: now.toISOString() }],
  };
}

export function makeNode(
  name: string,
  overrides: { labels?: Record<string, string>; spec?: object; allocatable?: object } = {},
): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/hostname': name, ...overrides.labels } },
    spec: { ...overrides.spec },
    status: {
      allocatable: { cpu: '2', memory: '4Gi', pods: '110', ...overrides.allocatable },
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  };
}

export function makeDeployment(name: string, replicas: number, spec: object = {}, image = 'web:1'): KubernetesObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'default' },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'web', image }] } },
      progressDeadlineSeconds: 600,
      revisionHistoryLimit: 10,
      ...spec,
    },
  };
}
