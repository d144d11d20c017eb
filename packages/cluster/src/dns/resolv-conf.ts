import type { KubernetesObject } from '@palisade/kubernetes';

/** kubelet's limits (validation.MaxDNSNameservers and MaxDNSSearchListChars, DNS for Services and Pods). */
const MAX_NAMESERVERS = 3;
const MAX_SEARCH = 32;

interface DnsConfig {
  nameservers?: string[];
  searches?: string[];
  options?: { name: string; value?: string }[];
}

/**
 * A pod's /etc/resolv.conf for its `dnsPolicy` and `dnsConfig`.
 *
 * @param clusterDns addresses of the cluster DNS Service
 * @param nodeResolv what `Default` gives: the node's own resolver, here the one that knows the outside world alone
 */
export function renderResolvConf(
  pod: KubernetesObject,
  clusterDns: readonly string[],
  domain: string,
  nodeResolv: readonly string[],
): string {
  const spec = pod['spec'] ?? {};
  const namespace = pod.metadata.namespace ?? 'default';
  const policy = spec.dnsPolicy ?? 'ClusterFirst';
  const usesCluster = policy === 'ClusterFirstWithHostNet' || (policy === 'ClusterFirst' && spec.hostNetwork !== true);
  const extra: DnsConfig = spec.dnsConfig ?? {};
  const base = policy === 'None' ? [] : usesCluster ? clusterDns : nodeResolv;
  const nameservers = [...base, ...(extra.nameservers ?? [])].slice(0, MAX_NAMESERVERS);
  const clusterSearch = usesCluster ? [`${namespace}.svc.${domain}`, `svc.${domain}`, domain] : [];
  const search = [...new Set([...clusterSearch, ...(extra.searches ?? [])])].slice(0, MAX_SEARCH);
  const options = new Map<string, string | undefined>(usesCluster ? [['ndots', '5']] : []);
  for (const { name, value } of extra.options ?? []) options.set(name, value);
  return [
    ...nameservers.map((address) => `nameserver ${address}`),
    ...(search.length > 0 ? [`search ${search.join(' ')}`] : []),
    ...(options.size > 0
      ? [`options ${[...options].map(([name, value]) => (value === undefined ? name : `${name}:${value}`)).join(' ')}`]
      : []),
    '',
  ].join('\n');
}
