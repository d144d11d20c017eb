import type { ApiClient, KubernetesObject } from '@palisade/kubernetes';
import { clusterView, clusterZone, type DnsServerOptions, type Lookup, renderResolvConf, startDnsServer } from '../dns/index.ts';
import { DNS_ADDRESSES } from '../node/network/index.ts';
import { outsideZone, startOutside } from '../outside/index.ts';
import { ensureSystemService } from './objects.ts';
import { clusterDomain, type Parts } from './parts.ts';

/** ClusterIPs of the Service kube-dns, as kubeadm chooses them: the tenth address of the range. */
export const clusterDnsAddresses = ['10.96.0.10', 'fd00:10:96::a'] as const;

export async function startDns(parts: Parts, beforeAnswer: DnsServerOptions['beforeAnswer']): Promise<void> {
  const { fabric, informers, sink, endpointOf } = parts;
  const zones: Lookup[] = [clusterZone(clusterView(informers, clusterDomain)), outsideZone()];
  const clock = () => new Date();
  await startDnsServer({
    netns: fabric.netns,
    addresses: DNS_ADDRESSES,
    domain: clusterDomain,
    zones,
    sink,
    clock,
    endpointOf,
    beforeAnswer,
  });
  await startOutside({ netns: fabric.outsideNetns, sink, clock, endpointOf });
}

export async function ensureDnsService(client: ApiClient): Promise<void> {
  await ensureSystemService(client, {
    namespace: 'kube-system',
    name: 'kube-dns',
    labels: { 'k8s-app': 'kube-dns', 'kubernetes.io/cluster-service': 'true', 'kubernetes.io/name': 'CoreDNS' },
    clusterIPs: clusterDnsAddresses,
    ports: [
      { name: 'dns', port: 53, protocol: 'UDP', targetPort: 53 },
      { name: 'dns-tcp', port: 53, protocol: 'TCP', targetPort: 53 },
    ],
    endpoints: DNS_ADDRESSES,
  });
}

export function resolvConfFor(pod: KubernetesObject): string {
  return renderResolvConf(pod, [clusterDnsAddresses[0]], clusterDomain, [DNS_ADDRESSES[0]]);
}
