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
  type Memo,
  type MeshService,
  type MeshSettings,
  type MeshSnapshot,
  parseDestinationRule,
  parseGateway,
  parseVirtualService,
  readService,
  withoutMemo,
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

/** @param memo keeps what was read, so that an object that did not change is the same one in the next snapshot */
export function readSnapshot(
  sources: Readonly<Record<MeshKind, ObjectSource>>,
  settings: MeshSettings,
  findJwks: FindJwks,
  log: (message: string) => void,
  memo: Memo = withoutMemo,
): MeshSnapshot {
  const { clusterDomain } = settings;
  const parseAll = <T>(kind: MeshKind, parse: (object: KubernetesObject) => T): readonly T[] => {
    const all = sources[kind].list().map((object) =>
      memo(`${kind} ${object.metadata.namespace}/${object.metadata.name}`, [object, clusterDomain], (): readonly T[] => {
        try {
          return [parse(object)];
        } catch (error) {
          log(`${object.kind} ${object.metadata.namespace}/${object.metadata.name} is not in force: ${(error as Error).message}`);
          return [];
        }
      }),
    );
    return memo(kind, all, () => all.flat());
  };
  return {
    settings,
    services: readServices(sources, clusterDomain, memo),
    authorizationPolicies: parseAll('authorizationPolicies', (object) => parseOrDeny(object, log)),
    peerAuthentications: parseAll('peerAuthentications', parsePeerAuthentication),
    requestAuthentications: parseAll('requestAuthentications', parseRequestAuthentication),
    destinationRules: parseAll('destinationRules', (object) => parseDestinationRule(object, clusterDomain)),
    gateways: parseAll('gateways', parseGateway),
    virtualServices: parseAll('virtualServices', (object) => parseVirtualService(object, clusterDomain)),
    legacy: readLegacy(sources, log, memo),
    findJwks,
    providers: noProviders,
  };
}

const noProviders: MeshSnapshot['providers'] = new Map();

function readServices(sources: Readonly<Record<MeshKind, ObjectSource>>, clusterDomain: string, memo: Memo): readonly MeshService[] {
  const slicesOf = new Map<string, KubernetesObject[]>();
  for (const slice of sources.endpointSlices.list()) {
    const service = `${slice.metadata.namespace}/${slice.metadata.labels?.['kubernetes.io/service-name']}`;
    slicesOf.set(service, [...(slicesOf.get(service) ?? []), slice]);
  }
  const podOf = (namespace: string, name: string) => sources.pods.get(`${namespace}/${name}`);
  const all = sources.services.list().map((service) => {
    const { namespace = '', name } = service.metadata;
    const slices = slicesOf.get(`${namespace}/${name}`) ?? [];
    const pods = slices.flatMap(podsOf).map((pod) => podOf(namespace, pod));
    return memo(`service ${namespace}/${name}`, [service, clusterDomain, ...slices, ...pods], () =>
      readService(service, slices, podOf, clusterDomain),
    );
  });
  return memo('services', all, () => all.filter((service) => service !== undefined));
}

function podsOf(slice: KubernetesObject): string[] {
  const endpoints = (slice['endpoints'] ?? []) as readonly { readonly targetRef?: { readonly kind?: string; readonly name?: string } }[];
  return endpoints.flatMap(({ targetRef }) => (targetRef?.kind === 'Pod' && targetRef.name !== undefined ? [targetRef.name] : []));
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
