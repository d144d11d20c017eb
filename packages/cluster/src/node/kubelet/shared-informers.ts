import type { ApiClient, KubernetesObject } from '@palisade/kubernetes';
import { createInformer, type Informer, type InformerOptions } from '@palisade/kubernetes/client';
import type { ConfigMap, Pod, Secret } from './pod-types.ts';

/** Watches that all nodes of one process share. */
export interface SharedInformers {
  readonly pods: Informer<Pod>;
  readonly configMaps: Informer<ConfigMap>;
  readonly secrets: Informer<Secret>;
  readonly services: Informer<KubernetesObject>;
  readonly claims: Informer<KubernetesObject>;
  readonly persistentVolumes: Informer<KubernetesObject>;
}

export function createSharedInformers(client: ApiClient, options: InformerOptions = {}): SharedInformers {
  const core = (resource: string) => ({ group: '', version: 'v1', resource });
  return {
    pods: createInformer<Pod>(client, core('pods'), options),
    configMaps: createInformer<ConfigMap>(client, core('configmaps'), options),
    secrets: createInformer<Secret>(client, core('secrets'), options),
    services: createInformer(client, core('services'), options),
    claims: createInformer(client, core('persistentvolumeclaims'), options),
    persistentVolumes: createInformer(client, core('persistentvolumes'), options),
  };
}

/** Starts those that do not run yet and waits for their first lists. */
export async function startSharedInformers(informers: SharedInformers, signal: AbortSignal): Promise<void> {
  const { pods, configMaps, secrets, services, claims, persistentVolumes } = informers;
  const all = [pods, configMaps, secrets, services, claims, persistentVolumes];
  for (const informer of all) informer.start(signal);
  await Promise.all(all.map((informer) => informer.hasSynced()));
}
