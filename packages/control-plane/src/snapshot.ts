/** Kubernetes objects as the snapshot that proxies are compiled from, wherever the objects come from: watches, a list, or files. */
import type { KubernetesObject } from '@palisade/kubernetes';
import {
  type AuthorizationPolicy,
  type FindJwks,
  parseAuthorizationPolicy,
  parsePeerAuthentication,
  parseRequestAuthentication,
} from '@palisade/mesh';
import {
  type MeshSettings,
  type MeshSnapshot,
  parseDestinationRule,
  parseGateway,
  parseVirtualService,
  readService,
} from '@palisade/mesh/traffic';
import { legacyKinds, readLegacy } from './legacy-resources.ts';

export const meshKinds = {
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
  gateways: ['networking.istio.io', 'v1', 'gateways'],
  ...legacyKinds,
} as const;
export type MeshKind = keyof typeof meshKinds;

/** Objects of one kind. */
export interface ObjectSource {
  list(): readonly KubernetesObject[];
  /** @param key `namespace/name` */
  get(key: string): KubernetesObject | undefined;
}

export function readSnapshot(
  sources: Readonly<Record<MeshKind, ObjectSource>>,
  settings: MeshSettings,
  findJwks: FindJwks,
  log: (message: string) => void,
): MeshSnapshot {
  const parseAll = <T>(source: ObjectSource, parse: (object: KubernetesObject) => T): T[] =>
    source.list().flatMap((object) => {
      try {
        return [parse(object)];
      } catch (error) {
        log(`${object.kind} ${object.metadata.namespace}/${object.metadata.name} is not in force: ${(error as Error).message}`);
        return [];
      }
    });
  const slicesOf = new Map<string, KubernetesObject[]>();
  for (const slice of sources.endpointSlices.list()) {
    const service = `${slice.metadata.namespace}/${slice.metadata.labels?.['kubernetes.io/service-name']}`;
    slicesOf.set(service, [...(slicesOf.get(service) ?? []), slice]);
  }
  const podOf = (namespace: string, name: string) => sources.pods.get(`${namespace}/${name}`);
  return {
    settings,
    services: sources.services
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
    authorizationPolicies: parseAll(sources.authorizationPolicies, (object) => parseOrDeny(object, log)),
    peerAuthentications: parseAll(sources.peerAuthentications, parsePeerAuthentication),
    requestAuthentications: parseAll(sources.requestAuthentications, parseRequestAuthentication),
    destinationRules: parseAll(sources.destinationRules, (object) => parseDestinationRule(object, settings.clusterDomain)),
    gateways: parseAll(sources.gateways, parseGateway),
    virtualServices: parseAll(sources.virtualServices, (object) => parseVirtualService(object, settings.clusterDomain)),
    legacy: readLegacy(sources, log),
    findJwks,
    providers: new Map(),
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
