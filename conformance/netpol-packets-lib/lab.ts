/** The embedded cluster with pods to send packets between, and policies that are in force when the next packet leaves. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type KubernetesObject, PatchType } from '@palisade/kubernetes';
import { createHttpClient, type HttpApiClient, loadKubeconfig } from '@palisade/kubernetes/client';
import { type ClusterSnapshot, snapshotOf } from '@palisade/netpol';
import { eventually, startCluster, type TestCluster } from '../../e2e/harness.ts';
import { Endpoint, type Ports } from './endpoint.ts';

export interface LabPod {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly ports?: readonly { readonly name: string; readonly protocol: string; readonly port: number }[];
}

/** What a lab is made of. */
export interface LabPlan {
  readonly namespaces: ClusterSnapshot['namespaces'];
  readonly pods: readonly LabPod[];
  /** Where every pod listens. */
  readonly ports: Ports;
  readonly dnsServiceIPs: readonly string[];
}

const core = (resource: string) => ({ group: '', version: 'v1', resource });
const policyResources: Readonly<Record<string, { group: string; version: string; resource: string }>> = {
  NetworkPolicy: { group: 'networking.k8s.io', version: 'v1', resource: 'networkpolicies' },
  ClusterNetworkPolicy: { group: 'policy.networking.k8s.io', version: 'v1alpha2', resource: 'clusternetworkpolicies' },
};

const MARKER = 'marker';
/** Two of each kind, one beside the other, so that every node has both. */
const marked = ['np', 'np', 'cnp', 'cnp'].map(
  (marker, index): LabPod => ({ namespace: MARKER, name: `${marker}-${index}`, labels: { marker } }),
);
const markerPods: readonly LabPod[] = [{ namespace: MARKER, name: 'sender', labels: {} }, ...marked];
const FIRST_MARKER_PORT = 20_000;

/** Policies of a namespace of their own that let one port through. Watches keep order: when that port is open, all before is in force. */
function markers(port: number): KubernetesObject[] {
  const from = { matchLabels: { 'kubernetes.io/metadata.name': MARKER } };
  return [
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { namespace: MARKER, name: MARKER },
      spec: { podSelector: { matchLabels: { marker: 'np' } }, policyTypes: ['Ingress'], ingress: [{ ports: [{ protocol: 'TCP', port }] }] },
    },
    {
      apiVersion: 'policy.networking.k8s.io/v1alpha2',
      kind: 'ClusterNetworkPolicy',
      metadata: { name: MARKER },
      spec: {
        ...{
          tier: 'Admin',
          priority: 999,
          subject: { pods: { namespaceSelector: from, podSelector: { matchLabels: { marker: 'cnp' } } } },
        },
        ingress: [
          { action: 'Accept', from: [{ namespaces: from }], protocols: [{ tcp: { destinationPort: { number: port } } }] },
          { action: 'Deny', from: [{ namespaces: from }] },
        ],
      },
    },
  ];
}

export class Lab {
  readonly #cluster: TestCluster;
  readonly #client: HttpApiClient;
  readonly #endpoints: ReadonlyMap<string, Endpoint>;
  /** The cluster without policies. */
  readonly snapshot: ClusterSnapshot;
  #inForce: KubernetesObject[] = [];
  #markerPort = FIRST_MARKER_PORT;

  private constructor(cluster: TestCluster, client: HttpApiClient, endpoints: ReadonlyMap<string, Endpoint>, snapshot: ClusterSnapshot) {
    this.#cluster = cluster;
    this.#client = client;
    this.#endpoints = endpoints;
    this.snapshot = snapshot;
  }

  static async open({ namespaces, pods, ports, dnsServiceIPs }: LabPlan): Promise<Lab> {
    const cluster = await startCluster({ nodes: ['node1', 'node2'] });
    const client = createHttpClient(loadKubeconfig(cluster.running.kubeconfig));
    try {
      for (const { name, labels } of [...namespaces, { name: MARKER, labels: {} }]) {
        if (name === 'default') continue;
        await client.create(core('namespaces'), { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
      }
      const wanted = [...pods, ...markerPods];
      await Promise.all(wanted.map((pod, index) => client.create(core('pods'), podObject(pod, index), { namespace: pod.namespace })));
      const objects = await eventually('every pod has an address', 120_000, async () => {
        const { items } = await client.list(core('pods'));
        return items.length >= wanted.length && items.every((pod) => pod['status']?.podIP && pod['status'].phase === 'Running') && items;
      });
      const folder = cluster.netnsFolder();
      const endpoints = new Map<string, Endpoint>();
      for (const { metadata, ...pod } of objects)
        endpoints.set(`${metadata.namespace}/${metadata.name}`, new Endpoint(`${folder}/pod-${metadata.uid}`, pod['status'].podIP));
      for (const endpoint of endpoints.values()) await endpoint.serve(ports);
      const all = [
        ...objects.map((pod) => ({ ...pod, apiVersion: 'v1', kind: 'Pod' })),
        ...(await client.list(core('namespaces'))).items.map((item) => ({ ...item, apiVersion: 'v1', kind: 'Namespace' })),
        ...(await client.list(core('nodes'))).items.map((item) => ({ ...item, apiVersion: 'v1', kind: 'Node' })),
      ];
      const lab = new Lab(cluster, client, endpoints, snapshotOf(all, dnsServiceIPs));
      for (const marker of markers(FIRST_MARKER_PORT)) await lab.#create(marker);
      // Until then every port is open, and says nothing.
      await lab.#eachMarker(FIRST_MARKER_PORT + 1, false);
      return lab;
    } catch (error) {
      client.close();
      await cluster.stop();
      throw error;
    }
  }

  /** Somewhere in the world outside, with an address of its own. */
  outside(address: string): Endpoint {
    return new Endpoint(`${this.#cluster.netnsFolder()}/outside`, address);
  }

  endpoint(pod: string): Endpoint {
    const endpoint = this.#endpoints.get(pod);
    if (!endpoint) throw new Error(`Cannot find pod ${pod} in the lab`);
    return endpoint;
  }

  /** These policies and no others; resolves when the nodes enforce them. */
  async enforce(policies: readonly KubernetesObject[]): Promise<void> {
    for (const { kind, metadata } of this.#inForce.splice(0)) await this.#client.delete(policyResources[kind]!, placeOf(metadata));
    for (const policy of policies) {
      await this.#create(policy);
      this.#inForce.push(policy);
    }
    const port = ++this.#markerPort;
    for (const marker of markers(port))
      await this.#client.patch(policyResources[marker.kind]!, placeOf(marker.metadata), PatchType.merge, { spec: marker['spec'] });
    await this.#eachMarker(port, true);
  }

  /** Resolves when this port of every marked pod is open, or none is. */
  async #eachMarker(port: number, isOpen: boolean): Promise<void> {
    const sender = this.endpoint(`${MARKER}/sender`);
    for (const { namespace, name } of marked) {
      const end = Date.now() + 20_000;
      while ((await sender.reaches(this.endpoint(`${namespace}/${name}`), 'TCP', port, 100)) !== isOpen) {
        if (Date.now() > end) throw new Error(`policies were not in force after 20 s (marker ${name})`);
        await sleep(10);
      }
    }
  }

  async #create(policy: KubernetesObject): Promise<void> {
    const { namespace } = policy.metadata;
    await this.#client.create(policyResources[policy.kind]!, policy, namespace === undefined ? {} : { namespace });
  }

  async close(): Promise<void> {
    for (const endpoint of this.#endpoints.values()) endpoint.close();
    this.#client.close();
    await this.#cluster.stop();
  }
}

const placeOf = ({ namespace, name }: KubernetesObject['metadata']) => ({ name: name!, ...(namespace !== undefined && { namespace }) });

function podObject({ namespace, name, labels, ports = [] }: LabPod, index: number): KubernetesObject {
  const containerPorts = ports.map((port) => ({ name: port.name, protocol: port.protocol, containerPort: port.port }));
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name, labels },
    spec: {
      nodeName: `node${(index % 2) + 1}`,
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'idle', image: 'busybox', command: ['sleep', '86400'], ports: containerPorts }],
    },
  };
}
