/** What the API says, as the snapshot that proxies are compiled from. */
import { type ApiClient, isStatusError, type KubernetesObject } from '@palisade/kubernetes';
import { createInformer, type Informer } from '@palisade/kubernetes/client';
import {
  type AuthorizationPolicy,
  type FindJwks,
  parseAuthorizationPolicy,
  parsePeerAuthentication,
  parseRequestAuthentication,
} from '@palisade/mesh';
import { type MeshSettings, type MeshSnapshot, parseDestinationRule, parseVirtualService, readService } from '@palisade/mesh/traffic';
import { legacyKinds, readLegacy } from './legacy-resources.ts';

const kinds = {
  services: ['', 'v1', 'services'],
  endpointSlices: ['discovery.k8s.io', 'v1', 'endpointslices'],
  pods: ['', 'v1', 'pods'],
  namespaces: ['', 'v1', 'namespaces'],
  configMaps: ['', 'v1', 'configmaps'],
  authorizationPolicies: ['security.istio.io', 'v1', 'authorizationpolicies'],
  peerAuthentications: ['security.istio.io', 'v1', 'peerauthentications'],
  requestAuthentications: ['security.istio.io', 'v1', 'requestauthentications'],
  destinationRules: ['networking.istio.io', 'v1', 'destinationrules'],
  virtualServices: ['networking.istio.io', 'v1', 'virtualservices'],
  ...legacyKinds,
} as const;
type Kind = keyof typeof kinds;

export interface MeshState {
  readonly informers: Readonly<Record<Kind, Informer>>;
  hasSynced(): Promise<void>;
  snapshot(settings: MeshSettings): MeshSnapshot;
  onChange(listener: () => void): void;
}

export function watchMesh(client: ApiClient, signal: AbortSignal, log: (message: string) => void, findJwks: FindJwks): MeshState {
  // The old kinds are not defined in every cluster; should they be later, the informer's next attempt finds them.
  const absent = new Map<string, PromiseWithResolvers<void>>(
    Object.values(legacyKinds).map(([, , resource]) => [resource, Promise.withResolvers<void>()]),
  );
  const failed = (resource: string, error: unknown) => {
    const wait = absent.get(resource);
    if (wait !== undefined && isStatusError(error, 'NotFound')) wait.resolve();
    else log(`${resource}: ${String(error)}`);
  };
  const informers = Object.fromEntries(
    Object.entries(kinds).map(([kind, [group, version, resource]]) => [
      kind,
      createInformer(client, { group, version, resource }, { onError: (error) => failed(resource, error) }),
    ]),
  ) as unknown as Record<Kind, Informer>;
  for (const informer of Object.values(informers)) informer.start(signal);
  const parseAll = <T>(informer: Informer, parse: (object: KubernetesObject) => T): T[] =>
    informer.list().flatMap((object) => {
      try {
        return [parse(object)];
      } catch (error) {
        log(`${object.kind} ${object.metadata.namespace}/${object.metadata.name} is not in force: ${(error as Error).message}`);
        return [];
      }
    });
  return {
    informers,
    async hasSynced() {
      await Promise.all(
        Object.values(informers).map((informer) =>
          Promise.race([
            informer.hasSynced(),
            ...(absent.has(informer.resource.resource) ? [absent.get(informer.resource.resource)!.promise] : []),
          ]),
        ),
      );
    },
    onChange(listener) {
      for (const [kind, informer] of Object.entries(informers)) if (kind !== 'namespaces') informer.onChange(listener);
    },
    snapshot(settings) {
      const slicesOf = new Map<string, KubernetesObject[]>();
      for (const slice of informers.endpointSlices.list()) {
        const service = `${slice.metadata.namespace}/${slice.metadata.labels?.['kubernetes.io/service-name']}`;
        slicesOf.set(service, [...(slicesOf.get(service) ?? []), slice]);
      }
      const podOf = (namespace: string, name: string) => informers.pods.get(`${namespace}/${name}`);
      return {
        settings,
        services: informers.services
          .list()
          .flatMap(
            (service) =>
              readService(
                service,
                slicesOf.get(`${service.metadata.namespace}/${service.metadata.name}`) ?? [],
                podOf,
                settings.clusterDomain,
              ) ?? [],
          ),
        authorizationPolicies: parseAll(informers.authorizationPolicies, (object) => parseOrDeny(object, log)),
        peerAuthentications: parseAll(informers.peerAuthentications, parsePeerAuthentication),
        requestAuthentications: parseAll(informers.requestAuthentications, parseRequestAuthentication),
        destinationRules: parseAll(informers.destinationRules, (object) => parseDestinationRule(object, settings.clusterDomain)),
        virtualServices: parseAll(informers.virtualServices, (object) => parseVirtualService(object, settings.clusterDomain)),
        legacy: readLegacy(informers, log),
        findJwks,
        providers: new Map(),
      };
    },
  };
}

/** A stored policy that cannot be read (from before the webhook watched) denies everything in its namespace rather than nothing. */
function parseOrDeny(object: KubernetesObject, log: (message: string) => void): AuthorizationPolicy {
  try {
    return parseAuthorizationPolicy(object);
  } catch (error) {
    log(`AuthorizationPolicy ${object.metadata.namespace}/${object.metadata.name} denies everything: ${(error as Error).message}`);
    return parseAuthorizationPolicy({ ...object, spec: {} });
  }
}
