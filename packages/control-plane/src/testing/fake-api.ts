/** The API as far as the control plane uses it, in memory: the core kinds, no Istio resources, old kinds not even defined, and TokenReview by a table. */
import { type ApiClient, type GroupVersionResource, isStatusError, type KubernetesObject, StatusError } from '@palisade/kubernetes';
import { createFakeClient } from '@palisade/kubernetes/testing';

export interface FakeToken {
  readonly audiences: readonly string[];
  readonly username: string;
  readonly pod?: string;
}

export interface FakeApi {
  readonly client: ApiClient;
  readonly tokens: Map<string, FakeToken>;
  /** What was written of kinds that are not kept, by resource. */
  readonly written: Map<string, KubernetesObject>;
  secret(name: string): Promise<KubernetesObject>;
  /** Makes or replaces it. */
  put(resource: 'secrets' | 'configmaps' | 'namespaces', object: KubernetesObject): Promise<void>;
}

const core = (resource: string): GroupVersionResource => ({ group: '', version: 'v1', resource });
const isKept = ({ group }: GroupVersionResource) => group === '' || group === 'discovery.k8s.io';

const isLegacy = ({ group }: GroupVersionResource) => group === 'authentication.istio.io' || group === 'rbac.istio.io';

export function createFakeApi(): FakeApi {
  const kept = createFakeClient();
  const tokens = new Map<string, FakeToken>();
  const written = new Map<string, KubernetesObject>();
  const review = (object: KubernetesObject): KubernetesObject => {
    const { token, audiences } = object['spec'] as { token: string; audiences: string[] };
    const found = tokens.get(token);
    const common = audiences.filter((audience) => found?.audiences.includes(audience));
    if (found === undefined || common.length === 0) return { ...object, status: { authenticated: false } };
    const extra = found.pod === undefined ? {} : { 'authentication.kubernetes.io/pod-name': [found.pod] };
    return { ...object, status: { authenticated: true, audiences: common, user: { username: found.username, extra } } };
  };
  const client = {
    ...kept,
    async list(resource: GroupVersionResource, options?: Parameters<ApiClient['list']>[1]) {
      // As in a cluster whose owner never defined the old kinds.
      if (isLegacy(resource))
        throw new StatusError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason: 'NotFound', code: 404 });
      return isKept(resource) ? kept.list(resource, options) : { items: [], metadata: { resourceVersion: '1' } };
    },
    async *watch(resource: GroupVersionResource, options?: Parameters<ApiClient['watch']>[1]) {
      if (isKept(resource)) yield* kept.watch(resource, options);
      else await new Promise((resolve) => options?.signal?.addEventListener('abort', resolve));
    },
    async create(resource: GroupVersionResource, object: KubernetesObject) {
      if (resource.resource === 'tokenreviews') return review(object);
      if (isKept(resource)) return kept.create(resource, object);
      written.set(resource.resource, object);
      return object;
    },
  } as unknown as ApiClient;
  return {
    client,
    tokens,
    written,
    secret: (name) => kept.get(core('secrets'), { namespace: 'istio-system', name }),
    async put(resource, object) {
      try {
        await kept.create(core(resource), object);
      } catch (error) {
        if (!isStatusError(error, 'AlreadyExists')) throw error;
        await kept.update(core(resource), object);
      }
    },
  };
}
