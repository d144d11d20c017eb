/** What a workload's traffic configuration is compiled from. All of it is checked: nothing here can fail to compile. */
import type { TrustDomains } from '@palisade/identity/trust-domain';
import type { Cluster } from '@palisade/xds/api/envoy/config/cluster/v3/cluster';
import type { ClusterLoadAssignment } from '@palisade/xds/api/envoy/config/endpoint/v3/endpoint';
import type { Listener } from '@palisade/xds/api/envoy/config/listener/v3/listener';
import type { RouteConfiguration } from '@palisade/xds/api/envoy/config/route/v3/route';
import type { PeerAuthentication } from '../authn/peer-authentication.ts';
import type { FindJwks, RequestAuthentication } from '../authn/request-authentication.ts';
import type { AuthorizationPolicy } from '../authz/policy.ts';
import type { Credential } from '../gateway/credential.ts';
import type { Gateway } from '../gateway/model.ts';
import type { Interception } from '../inbound/app-source.ts';
import type { PathNormalization } from '../inbound/input.ts';
import type { LegacyResources } from '../legacy/security.ts';
import type { ProviderState } from '../resources/extension-provider.ts';
import type { DestinationRule } from './destination-rule.ts';
import type { VirtualService } from './virtual-service/model.ts';

/** How the first bytes of a connection are read. `auto` = looked at: HTTP when they are, a byte stream otherwise. */
export type Protocol = 'http' | 'http2' | 'tcp' | 'auto';

export interface ServicePort {
  readonly name: string;
  readonly port: number;
  readonly protocol: Protocol;
}

export interface ServiceEndpoint {
  readonly address: string;
  /** Name of the service port it serves. */
  readonly portName: string;
  /** The workload's own port. */
  readonly port: number;
  readonly isReady: boolean;
  readonly namespace: string;
  /** Absent for endpoints that are no pods. */
  readonly serviceAccount?: string;
  readonly labels: Readonly<Record<string, string>>;
  /** What telemetry calls it (telemetry/metadata.ts); absent for endpoints that are no pods. */
  readonly workload?: string;
  /** Its proxy accepts Istio's mutual TLS (label `security.istio.io/tlsMode=istio`). */
  readonly acceptsMtls: boolean;
}

export interface MeshService {
  readonly name: string;
  readonly namespace: string;
  /** `details.default.svc.cluster.local` */
  readonly hostname: string;
  /** Empty for a headless service. */
  readonly addresses: readonly string[];
  readonly ports: readonly ServicePort[];
  readonly endpoints: readonly ServiceEndpoint[];
}

/** A pod with a proxy. */
export interface Workload {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly addresses: readonly string[];
  readonly serviceAccount: string;
  /** It has no application: its proxy serves what Gateways select it for. */
  readonly isGateway: boolean;
  /** How its traffic comes to the proxy. */
  readonly interception: Interception;
}

export interface MeshSettings {
  readonly rootNamespace: string;
  readonly trustDomains: TrustDomains;
  /** `enableAutoMtls`; false is Istio 1.1's behaviour. */
  readonly isAutoMtls: boolean;
  /** `outboundTrafficPolicy.mode`. */
  readonly outbound: 'ALLOW_ANY' | 'REGISTRY_ONLY';
  readonly pathNormalization: PathNormalization;
  /** Suffix of service names. */
  readonly clusterDomain: string;
  /** `palisade.profile`: `legacy` is Istio 1.1's behaviour where nobody says otherwise. */
  readonly profile: 'current' | 'legacy';
}

/** Everything the mesh knows at one moment. */
export interface MeshSnapshot {
  readonly settings: MeshSettings;
  readonly services: readonly MeshService[];
  readonly authorizationPolicies: readonly AuthorizationPolicy[];
  readonly peerAuthentications: readonly PeerAuthentication[];
  readonly requestAuthentications: readonly RequestAuthentication[];
  readonly legacy: LegacyResources;
  readonly findJwks: FindJwks;
  readonly destinationRules: readonly DestinationRule[];
  readonly virtualServices: readonly VirtualService[];
  readonly gateways: readonly Gateway[];
  readonly providers: ReadonlyMap<string, ProviderState>;
}

export interface ProxyConfig {
  readonly listeners: readonly Listener[];
  readonly clusters: readonly Cluster[];
  readonly routes: readonly RouteConfiguration[];
  readonly endpoints: readonly ClusterLoadAssignment[];
  /** Secrets of its namespace that it serves with: a gateway's. */
  readonly credentials: readonly Credential[];
  /** What applies to this workload and has no effect, one sentence each. */
  readonly warnings: readonly string[];
}

export const defaultSettings: MeshSettings = {
  rootNamespace: 'istio-system',
  trustDomains: { local: 'cluster.local', aliases: [] },
  isAutoMtls: true,
  outbound: 'ALLOW_ANY',
  pathNormalization: 'BASE',
  clusterDomain: 'cluster.local',
  profile: 'current',
};
