/** How a mesh client speaks to a destination: what a DestinationRule says, else what auto-mTLS decides. Compiler and explanations share it. */
import { MtlsMode } from '../authn/peer-authentication.ts';
import { advertisedMode } from '../legacy/security.ts';
import { type ClientTls, ClientTlsMode, type DestinationRule, policyForPort } from './destination-rule.ts';
import type { MeshService, MeshSnapshot, ServiceEndpoint, ServicePort } from './model.ts';

export type ClientTransport =
  | { readonly kind: 'plain' }
  /** Mutual TLS with the workload's certificate; `tls` = what a DestinationRule adds. */
  | { readonly kind: 'mesh'; readonly tls?: ClientTls }
  /** TLS of the rule's own. */
  | { readonly kind: 'originated'; readonly tls: ClientTls }
  /** Mutual TLS to endpoints that accept it, plain text to the others. */
  | { readonly kind: 'by-endpoint' };

export interface OutboundTarget {
  readonly service: MeshService;
  readonly port: ServicePort;
  readonly rule: DestinationRule | undefined;
  readonly subset: string;
}

/** @param endpoints those of the target */
export function decideClientTransport(
  { service, port, rule, subset }: OutboundTarget,
  endpoints: readonly ServiceEndpoint[],
  snapshot: MeshSnapshot,
): ClientTransport {
  const { tls } = policyForPort(rule, port.port, subset);
  if (tls !== undefined) return ruled(tls);
  const { isAutoMtls, rootNamespace } = snapshot.settings;
  if (!isAutoMtls || advertisedMode(snapshot, service, port, rootNamespace) === MtlsMode.disable) return { kind: 'plain' };
  if (service.addresses.length > 0) return { kind: 'by-endpoint' };
  // Headless: connections to an address that was resolved by the client carry no endpoint's metadata.
  return { kind: endpoints.length > 0 && endpoints.every((each) => each.acceptsMtls) ? 'mesh' : 'plain' };
}

function ruled(tls: ClientTls): ClientTransport {
  switch (tls.mode) {
    case ClientTlsMode.disable:
      return { kind: 'plain' };
    case ClientTlsMode.istioMutual:
      return { kind: 'mesh', tls };
    case ClientTlsMode.simple:
    case ClientTlsMode.mutual:
      return { kind: 'originated', tls };
    default:
      return tls.mode satisfies never;
  }
}
