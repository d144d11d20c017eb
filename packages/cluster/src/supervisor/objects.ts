/** Objects that stand for parts of the embedded cluster itself: the Services `kubernetes` and `kube-dns`. */
import { type ApiClient, isStatusError, type KubernetesObject, PatchType } from '@palisade/kubernetes';
import { Resource } from '../controllers/runtime/resources.ts';

export interface SystemService {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly clusterIPs: readonly string[];
  readonly ports: readonly {
    readonly name: string;
    readonly port: number;
    readonly protocol: 'TCP' | 'UDP';
    readonly targetPort: number;
  }[];
  /** Where the part really listens, one address of each family. */
  readonly endpoints: readonly string[];
}

/** Creates the Service, its EndpointSlices and its Endpoints, or brings the endpoints of an earlier start up to date. */
export async function ensureSystemService(client: ApiClient, wanted: SystemService): Promise<void> {
  await createMissing(client, Resource.services, serviceOf(wanted));
  for (const slice of slicesOf(wanted)) await createOrPatch(client, Resource.endpointSlices, slice);
  await createOrPatch(client, Resource.endpoints, endpointsOf(wanted));
}

function serviceOf({ namespace, name, labels, clusterIPs, ports }: SystemService): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace, name, labels: { ...labels } },
    spec: {
      type: 'ClusterIP',
      clusterIP: clusterIPs[0],
      clusterIPs: [...clusterIPs],
      ipFamilyPolicy: clusterIPs.length > 1 ? 'RequireDualStack' : 'SingleStack',
      ports: ports.map((port) => ({ ...port })),
    },
  };
}

function slicesOf({ namespace, name, ports, endpoints }: SystemService): KubernetesObject[] {
  return endpoints.map((address) => {
    const addressType = address.includes(':') ? 'IPv6' : 'IPv4';
    return {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { namespace, name: `${name}-${addressType.toLowerCase()}`, labels: { 'kubernetes.io/service-name': name } },
      addressType,
      endpoints: [{ addresses: [address], conditions: { ready: true } }],
      ports: ports.map(({ name: portName, protocol, targetPort }) => ({ name: portName, protocol, port: targetPort })),
    };
  });
}

function endpointsOf({ namespace, name, ports, endpoints }: SystemService): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { namespace, name, labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
    subsets: [
      {
        addresses: [{ ip: endpoints[0] }],
        ports: ports.map(({ name: portName, protocol, targetPort }) => ({ name: portName, protocol, port: targetPort })),
      },
    ],
  };
}

type SomeResource = (typeof Resource)[keyof typeof Resource];

/** Looks before it creates: a Service with a ClusterIP of its own would be refused for the address, not for the name. */
async function createMissing(client: ApiClient, resource: SomeResource, object: KubernetesObject): Promise<boolean> {
  const { namespace, name } = object.metadata;
  try {
    await client.get(resource, { namespace: namespace!, name: name! });
    return false;
  } catch (error) {
    if (!isStatusError(error, 'NotFound')) throw error;
  }
  await client.create(resource, object);
  return true;
}

async function createOrPatch(client: ApiClient, resource: SomeResource, object: KubernetesObject): Promise<void> {
  if (await createMissing(client, resource, object)) return;
  const { apiVersion: _, kind: __, metadata, ...content } = object;
  await client.patch(resource, { namespace: metadata.namespace!, name: metadata.name! }, PatchType.merge, content);
}
