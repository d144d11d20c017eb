/** Kubernetes objects as the snapshot that proxies are compiled from, wherever the objects come from: watches, a list, or files. */
import type { KubernetesObject } from '@palisade/kubernetes';
import {
  type AuthorizationPolicy,
  type FindJwks,
  type PeerAuthentication,
  parseAuthorizationPolicy,
  parsePeerAuthentication,
  parseRequestAuthentication,
  type RequestAuthentication,
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
import { isOfRevision } from './revision.ts';

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
  const parseAll = <T>(kind: MeshKind, parse: (object: KubernetesObject) => T, strictest?: Strictest<T>): readonly T[] => {
    const own = sources[kind].list().filter(({ metadata }) => isOfRevision(metadata.labels));
    const all = own.map((object) =>
      memo(`${kind} ${object.metadata.namespace}/${object.metadata.name}`, [object, clusterDomain], (): readonly T[] => {
        try {
          return [parse(object)];
        } catch (error) {
          const effect = strictest?.effect ?? 'is not in force';
          log(`${object.kind} ${object.metadata.namespace}/${object.metadata.name} ${effect}: ${(error as Error).message}`);
          return strictest === undefined ? [] : [strictest.parse(object)];
        }
      }),
    );
    return memo(kind, all, () => all.flat());
  };
  return {
    settings,
    services: readServices(sources, clusterDomain, memo),
    authorizationPolicies: parseAll('authorizationPolicies', parseAuthorizationPolicy, denyingPolicy),
    peerAuthentications: parseAll('peerAuthentications', parsePeerAuthentication, strictPeers),
    requestAuthentications: parseAll('requestAuthentications', parseRequestAuthentication, refusingTokens),
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

/** What a stored resource that cannot be read (from before the webhook watched) is taken for: the strictest that its author can have meant. */
interface Strictest<T> {
  readonly effect: string;
  parse(object: KubernetesObject): T;
}

const denyingPolicy: Strictest<AuthorizationPolicy> = {
  effect: 'denies everything',
  parse({ metadata, ...object }) {
    const dryRun = { 'istio.io/dry-run': metadata.annotations?.['istio.io/dry-run'] === 'true' ? 'true' : 'false' };
    return parseAuthorizationPolicy({ ...object, metadata: { ...metadata, annotations: dryRun }, spec: {} });
  },
};
const strictPeers: Strictest<PeerAuthentication> = {
  effect: 'is STRICT',
  parse: (object) => parseWhereSelected(parsePeerAuthentication, object, { mtls: { mode: 'STRICT' } }),
};
const refusingTokens: Strictest<RequestAuthentication> = {
  effect: 'refuses every token',
  parse: (object) => parseWhereSelected(parseRequestAuthentication, object, { jwtRules: [{ issuer: 'nobody' }] }),
};

/** For its own workloads, or the whole namespace when it does not say which these are. */
function parseWhereSelected<T>(parse: (object: KubernetesObject) => T, object: KubernetesObject, spec: object): T {
  const selector = (object['spec'] as { readonly selector?: unknown } | null | undefined)?.selector;
  try {
    return parse({ ...object, spec: { ...spec, selector } });
  } catch {
    return parse({ ...object, spec });
  }
}
