/** The bookshop of the tests: `web` calls `details` (HTTP), `db` (TCP, undeclared protocol on 8081) in namespace `shop`. */

import { parseGateway } from '../../gateway/parse.ts';
import { noLegacy } from '../../legacy/security.ts';
import { parseAuthorizationPolicy } from '../../resources/authorization-policy.ts';
import { parsePeerAuthentication } from '../../resources/peer-authentication.ts';
import { parseDestinationRule } from '../destination-rule.ts';
import { defaultSettings, type MeshService, type MeshSettings, type MeshSnapshot, type Protocol, type Workload } from '../model.ts';
import { parseVirtualService } from '../virtual-service/parse.ts';

export function service(name: string, address: string, ports: Record<number, Protocol>, endpoint: string, acceptsMtls = true): MeshService {
  return {
    name,
    namespace: 'shop',
    hostname: `${name}.shop.svc.cluster.local`,
    addresses: address === '' ? [] : [address],
    ports: Object.entries(ports).map(([port, protocol]) => ({ name: `p${port}`, port: Number(port), protocol })),
    endpoints: Object.keys(ports).map((port) => ({
      address: endpoint,
      portName: `p${port}`,
      port: Number(port),
      isReady: true,
      namespace: 'shop',
      serviceAccount: name,
      labels: { app: name, version: 'v1' },
      acceptsMtls,
    })),
  };
}

export const details: Workload = {
  namespace: 'shop',
  name: 'details-1',
  labels: { app: 'details', version: 'v1' },
  addresses: ['10.244.1.2'],
  serviceAccount: 'details',
  isGateway: false,
  interception: 'redirect',
};

interface Wanted {
  readonly settings?: Partial<MeshSettings>;
  readonly services?: readonly MeshService[];
  readonly authorization?: readonly object[];
  readonly peer?: readonly { readonly namespace?: string; readonly spec: object }[];
  readonly rules?: readonly object[];
  readonly routes?: readonly object[];
  readonly gateways?: readonly object[];
}

export function snapshot(wanted: Wanted = {}): MeshSnapshot {
  const object = (kind: string, spec: object, index: number, namespace = 'shop') => ({
    apiVersion: 'test/v1',
    kind,
    metadata: { name: `p${index}`, namespace },
    spec,
  });
  return {
    settings: { ...defaultSettings, ...wanted.settings },
    services: wanted.services ?? [
      service('details', '10.96.0.2', { 9080: 'http' }, '10.244.1.2'),
      service('db', '10.96.0.3', { 27017: 'tcp', 8081: 'auto' }, '10.244.1.3'),
      service('rpc', '10.96.0.4', { 9090: 'http2' }, '10.244.1.4', false),
      service('peers', '', { 7000: 'tcp' }, '10.244.1.5'),
    ],
    authorizationPolicies: (wanted.authorization ?? []).map((spec, index) =>
      parseAuthorizationPolicy(object('AuthorizationPolicy', spec, index)),
    ),
    peerAuthentications: (wanted.peer ?? []).map(({ spec, namespace }, index) =>
      parsePeerAuthentication(object('PeerAuthentication', spec, index, namespace)),
    ),
    destinationRules: (wanted.rules ?? []).map((spec, index) =>
      parseDestinationRule(object('DestinationRule', spec, index), 'cluster.local'),
    ),
    gateways: (wanted.gateways ?? []).map((spec, index) => parseGateway(object('Gateway', spec, index))),
    virtualServices: (wanted.routes ?? []).map((spec, index) =>
      parseVirtualService(object('VirtualService', spec, index), 'cluster.local'),
    ),
    requestAuthentications: [],
    legacy: noLegacy,
    findJwks: () => undefined,
    providers: new Map(),
  };
}
