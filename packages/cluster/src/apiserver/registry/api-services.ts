import { type ApiClient, formatApiVersion, isStatusError, type KubernetesObject } from '@palisade/kubernetes';
import type { Core } from '../core.ts';
import type { CustomResources } from './custom/controller.ts';
import { DEFINITIONS } from './custom/definition.ts';

const RESOURCE = { group: 'apiregistration.k8s.io', version: 'v1', resource: 'apiservices' };
const STORE_TYPE = 'apiservices.apiregistration.k8s.io';
/** Made once, or kept in step with the definitions (kube-aggregator `autoregister`). */
const MANAGED = 'kube-aggregator.kubernetes.io/automanaged';

/** kube-apiserver's own order of groups. The aggregator's own group has no APIService. */
const GROUP_PRIORITIES: Readonly<Record<string, number>> = {
  '': 18_000,
  apps: 17_800,
  'events.k8s.io': 17_750,
  'authentication.k8s.io': 17_700,
  'authorization.k8s.io': 17_600,
  autoscaling: 17_500,
  batch: 17_400,
  'certificates.k8s.io': 17_300,
  'networking.k8s.io': 17_200,
  policy: 17_100,
  'rbac.authorization.k8s.io': 17_000,
  'storage.k8s.io': 16_800,
  'apiextensions.k8s.io': 16_700,
  'admissionregistration.k8s.io': 16_700,
  'scheduling.k8s.io': 16_600,
  'coordination.k8s.io': 16_500,
  'node.k8s.io': 16_300,
  'discovery.k8s.io': 16_200,
  'resource.k8s.io': 16_200,
  'flowcontrol.apiserver.k8s.io': 16_100,
};
const VERSION_PRIORITIES: Readonly<Record<string, number>> = {
  v1: 1,
  'autoscaling/v2': 30,
  'resource.k8s.io/v1': 21,
  'flowcontrol.apiserver.k8s.io/v1': 21,
};

export interface GroupVersion {
  readonly group: string;
  readonly version: string;
}

/** An APIService of something that this server answers itself. */
export function localApiService(
  { group, version }: GroupVersion,
  groupPriorityMinimum: number,
  versionPriority: number,
  managed?: 'onstart' | 'true',
): KubernetesObject {
  return {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: `${version}.${group}`, ...(managed === undefined ? {} : { labels: { [MANAGED]: managed } }) },
    spec: { ...(group === '' ? {} : { group }), version, groupPriorityMinimum, versionPriority },
  };
}

/** Shows in `kubectl get apiservices` what is served: the built-in group versions, and those that definitions make as they come and go. */
export class ApiServices {
  readonly #core: Core;
  readonly #custom: CustomResources;
  readonly #client: ApiClient;
  #turn: Promise<void> = Promise.resolve();

  constructor(core: Core, custom: CustomResources, client: ApiClient) {
    this.#core = core;
    this.#custom = custom;
    this.#client = client;
  }

  /** Resolves when what is served now has its objects; the rest follows by itself. */
  async start(): Promise<void> {
    const builtin = new Map(this.#core.schemas.resources().map(({ group, version }) => [`${version}.${group}`, { group, version }]));
    for (const gv of builtin.values()) {
      const priority = GROUP_PRIORITIES[gv.group];
      if (priority !== undefined)
        await this.#create(localApiService(gv, priority, VERSION_PRIORITIES[formatApiVersion(gv.group, gv.version)] ?? 15, 'onstart'));
    }
    this.#core.store.log(DEFINITIONS).subscribe(() => void this.#sync());
    await this.#sync();
  }

  /** One after the other, each with what holds when its turn comes. A server that closes leaves the rest to the next start. */
  #sync(): Promise<void> {
    this.#turn = this.#turn.then(() => this.#follow()).catch(() => {});
    return this.#turn;
  }

  async #follow(): Promise<void> {
    const wanted = new Map(this.#custom.versions().map(({ served: { gvr } }) => [`${gvr.version}.${gvr.group}`, gvr]));
    // Definitions should come after everything else (crdregistration).
    for (const gv of wanted.values()) await this.#create(localApiService(gv, 1000, 100, 'true'));
    for (const { name, object } of this.#core.store.list(STORE_TYPE))
      if (object.metadata.labels?.[MANAGED] === 'true' && !wanted.has(name)) await this.#client.delete(RESOURCE, { name });
  }

  async #create(service: KubernetesObject): Promise<void> {
    if (this.#core.store.get(STORE_TYPE, '', service.metadata.name!) !== undefined) return;
    try {
      await this.#client.create(RESOURCE, service);
    } catch (error) {
      if (!isStatusError(error, 'AlreadyExists')) throw error;
    }
  }
}
