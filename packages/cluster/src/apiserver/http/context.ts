import type { AggregatedHandler, KubeletLookup } from '../../contract.ts';
import type { Authorizer } from '../auth/authorizer.ts';
import type { RbacAuthorizer } from '../auth/rbac.ts';
import type { TokenService } from '../auth/service-account-tokens.ts';
import type { Core } from '../core.ts';
import type { AddressDialer } from '../network/dial.ts';
import type { ForeignGroups } from './discovery.ts';
import type { OpenApiDocuments } from './openapi.ts';

/** Everything the HTTP side needs besides the store. */
export interface HttpContext {
  readonly core: Core;
  readonly tokens: TokenService;
  readonly authorizer: Authorizer;
  readonly rbac: RbacAuthorizer;
  readonly kubelets: KubeletLookup;
  readonly dialAddress: AddressDialer;
  readonly aggregated: ReadonlyMap<string, AggregatedHandler>;
  readonly foreignGroups: ForeignGroups;
  readonly documents: OpenApiDocuments;
  readonly isReady: () => boolean;
  /** Streams held open; each costs about 90 KB, so their number is bounded. */
  readonly watches: { open: number; readonly limit: number };
}
