/** What the inbound side of a workload's proxy is compiled from. */
import type { TrustDomains } from '@palisade/identity/trust-domain';
import type { AccessLog } from '@palisade/xds/api/envoy/config/accesslog/v3/accesslog';
import type { MergedMtls } from '../authn/peer-authentication.ts';
import type { FindJwks, TokenPlan } from '../authn/request-authentication.ts';
import type { AuthorizationPolicy } from '../authz/policy.ts';
import type { ProviderState } from '../resources/extension-provider.ts';
import type { LogKind } from '../telemetry/access-log.ts';

/** `auto` = nobody said: the first bytes decide, which makes server-first protocols wait for the client. */
export type PortProtocol = 'http' | 'tcp' | 'auto';

export interface InboundPort {
  /** Of the workload. */
  readonly port: number;
  readonly protocol: PortProtocol;
  /** Behind it, for telemetry (telemetry/metadata.ts). */
  readonly service?: string;
}

/** MeshConfig `pathNormalization.normalization`; DEFAULT is BASE. */
export type PathNormalization = 'NONE' | 'BASE' | 'MERGE_SLASHES' | 'DECODE_AND_MERGE_SLASHES';

export interface InboundInput {
  /** Declared by Services; every other port is intercepted too and secured by the same policies. */
  readonly ports: readonly InboundPort[];
  readonly mtls: MergedMtls;
  /** All that apply to the workload. */
  readonly authorization: readonly AuthorizationPolicy[];
  readonly tokens: TokenPlan;
  readonly findJwks: FindJwks;
  readonly providers: ReadonlyMap<string, ProviderState>;
  readonly trustDomains: TrustDomains;
  readonly pathNormalization: PathNormalization;
  readonly accessLogs: {
    readonly chain: (kind: LogKind, service: string | undefined) => AccessLog[];
    /** Connections that no chain took. */
    readonly refused: AccessLog[];
  };
  /** Source address of connections to the application, by family: marks what must not be intercepted again. */
  readonly appSource: { readonly ipv4: string; readonly ipv6: string };
}

/** Where intercepted inbound connections arrive. */
export const inboundPort = 15_006;
