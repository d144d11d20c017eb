import type { KubernetesObject } from '@palisade/kubernetes';
import type { ClusterSnapshot, PodFact } from '../model.ts';
import { namedPortsOf, namespaceFactOf, nodeFactOf } from '../snapshot.ts';

const TEMPLATE_KINDS = ['Deployment', 'ReplicaSet', 'StatefulSet', 'DaemonSet', 'Job', 'ReplicationController'];

function podFactsOf(object: KubernetesObject): PodFact[] {
  const { namespace = 'default', name = '', labels = {}, ownerReferences } = object.metadata;
  const spec = object['spec'] ?? {};
  const fact = (kind: string, labelsOfPod: Readonly<Record<string, string>>, podSpec: KubernetesObject['spec']): PodFact => ({
    namespace,
    name,
    labels: labelsOfPod,
    ips: [],
    ports: namedPortsOf(podSpec ?? {}),
    ...(podSpec?.hostNetwork === true && { hostNetwork: true }),
    workload: `${kind}/${name}`,
  });
  // A pod that a workload of the same files makes would be counted twice.
  if (object.kind === 'Pod') return ownerReferences?.length ? [] : [fact('Pod', labels, spec)];
  const template = object.kind === 'CronJob' ? spec.jobTemplate?.spec?.template : TEMPLATE_KINDS.includes(object.kind) && spec.template;
  return template ? [fact(object.kind, template.metadata?.labels ?? {}, template.spec)] : [];
}

/**
 * The cluster that manifests would make: one pod for each workload, named like it, without addresses (an ipBlock matches none of
 * them). Two workloads of one name in a namespace get their kind as a suffix.
 */
export function snapshotOfManifests(objects: readonly KubernetesObject[]): ClusterSnapshot {
  const taken = new Set<string>();
  const pods = objects.flatMap(podFactsOf).map((fact) => {
    const isTaken = taken.has(`${fact.namespace}/${fact.name}`);
    taken.add(`${fact.namespace}/${fact.name}`);
    return isTaken ? { ...fact, name: `${fact.name}-${fact.workload!.split('/')[0]!.toLowerCase()}` } : fact;
  });
  const of = (kind: string) => objects.filter((object) => object.kind === kind);
  return {
    namespaces: of('Namespace').map(namespaceFactOf),
    nodes: of('Node').map(nodeFactOf),
    pods,
    networkPolicies: objects.filter(({ kind, apiVersion }) => kind === 'NetworkPolicy' && apiVersion === 'networking.k8s.io/v1'),
    clusterPolicies: objects.filter(({ apiVersion }) => apiVersion?.startsWith('policy.networking.k8s.io/')),
  };
}
