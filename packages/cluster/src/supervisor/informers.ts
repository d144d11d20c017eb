import type { ApiClient } from '@palisade/kubernetes';
import { createInformer, type Informer } from '@palisade/kubernetes/client';
import { Resource } from '../controllers/runtime/resources.ts';
import { createSharedInformers, type SharedInformers } from '../node/kubelet/index.ts';
import { policyResources } from './policy-kinds/index.ts';

/** One watch a kind for all nodes, the network and DNS. */
export interface Informers extends SharedInformers {
  readonly namespaces: Informer;
  readonly endpointSlices: Informer;
  readonly networkPolicies: Informer;
  readonly nodes: Informer;
  /** The cluster-wide kinds; their definitions must be there (policy-kinds). */
  readonly clusterPolicies: readonly Informer[];
}

export function startInformers(client: ApiClient, signal: AbortSignal): Informers {
  const informers: Informers = {
    ...createSharedInformers(client),
    namespaces: createInformer(client, Resource.namespaces),
    endpointSlices: createInformer(client, Resource.endpointSlices),
    networkPolicies: createInformer(client, { group: 'networking.k8s.io', version: 'v1', resource: 'networkpolicies' }),
    nodes: createInformer(client, Resource.nodes),
    clusterPolicies: policyResources.map((resource) => createInformer(client, resource)),
  };
  for (const informer of Object.values(informers).flat() as Informer[]) informer.start(signal);
  return informers;
}
