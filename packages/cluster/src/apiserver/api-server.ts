import { randomInt, randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ApiClient, SchemaRegistry } from '@palisade/kubernetes';
import type { AggregatedHandler, KubeletLookup, RequestSigner, UserInfo } from '../contract.ts';
import { callWebhook, type ServiceDialer } from './admission/call.ts';
import { restrictSigners } from './admission/certificates.ts';
import { WebhookAdmission } from './admission/webhooks.ts';
import { MASTERS, withMasters } from './auth/authorizer.ts';
import { refuseEscalation, requireCreate } from './auth/escalation.ts';
import { withNodes } from './auth/node-authorizer.ts';
import { RbacAuthorizer } from './auth/rbac.ts';
import { TokenService } from './auth/service-account-tokens.ts';
import { bootstrapObjects } from './bootstrap.ts';
import type { AuditNote, Core } from './core.ts';
import type { HttpContext } from './http/context.ts';
import type { ForeignGroups } from './http/discovery.ts';
import { OpenApiDocuments } from './http/openapi.ts';
import { HttpsFront } from './http/server.ts';
import { createLocalClient } from './local-client.ts';
import { type AddressDialer, serviceDialer } from './network/dial.ts';
import { openAuthority } from './pki/authority.ts';
import { renderKubeconfig } from './pki/kubeconfig.ts';
import { parseRange } from './registry/address-range.ts';
import { ApiServices } from './registry/api-services.ts';
import { ResourceCatalog } from './registry/catalog.ts';
import { CustomResources } from './registry/custom/controller.ts';
import { ServiceAllocator } from './registry/service-allocator.ts';
import type { Random } from './registry/uid.ts';
import { ObjectStore } from './store/object-store.ts';

export interface ApiServerOptions {
  /** Objects, keys and certificates live here; made with mode 0700. */
  readonly stateDir: string;
  readonly clock: () => Date;
  /** IPv4 first, then IPv6. Default 10.96.0.0/16 and fd00:10:96::/112. */
  readonly serviceCidrs?: readonly string[];
  /** Default `cluster.local`. */
  readonly clusterDomain?: string;
  readonly kubelets?: KubeletLookup;
  /** API groups answered by somebody else, by group name. */
  readonly aggregated?: ReadonlyMap<string, AggregatedHandler>;
  /** How those groups show in discovery (items of an APIGroupDiscoveryList). */
  readonly foreignGroups?: ForeignGroups;
  /** Opens connections to addresses inside the cluster: webhooks named by Service, `proxy`. Without it both fail clearly. */
  readonly dialAddress?: AddressDialer;
  /** Replaces the way to Services that `dialAddress` gives. */
  readonly dialService?: ServiceDialer;
  /** Further addresses clients use; they go into the serving certificate. */
  readonly extraAddresses?: readonly string[];
  readonly registry?: SchemaRegistry;
  /** Takes what would stand in an audit log, such as pods that the audit mode of Pod Security names. Default: it is dropped. */
  readonly audit?: (note: AuditNote) => void;
  /** Watches over HTTP at the same time; further ones get 429. */
  readonly maxWatches?: number;
}

export interface ApiServer {
  /** @returns the port, for `port` 0 the one the system chose */
  listen(host: string, port: number): Promise<{ host: string; port: number }>;
  /** Serves a TLS connection accepted elsewhere (the Service `kubernetes` inside the cluster). */
  handleConnection(socket: Socket): void;
  /** The API in this process. */
  localClient(user: UserInfo): ApiClient;
  /** A kubeconfig for the address clients are to use, with a client certificate of group system:masters. */
  kubeconfig(server: string, clusterName?: string): Promise<string>;
  /** A token of a service account for this server; the account must exist. */
  issueServiceAccountToken(namespace: string, name: string, audiences?: readonly string[], expirationSeconds?: number): Promise<string>;
  readonly caCertificatePem: string;
  /** For the controllers that decide about CertificateSigningRequests. */
  readonly certificateRequests: RequestSigner;
  /** First address of each service range: the ClusterIPs of `kubernetes.default`. */
  readonly serviceAddresses: readonly string[];
  close(): Promise<void>;
}

/** What the parts inside the cluster's own process are. */
export const SYSTEM_USER: UserInfo = { username: 'system:apiserver', groups: [MASTERS, 'system:authenticated'] };

const DEFAULT_CIDRS = ['10.96.0.0/16', 'fd00:10:96::/112'];

const DEFAULT_MAX_WATCHES = 5_000;

const systemRandom: Random = { uuid: () => randomUUID(), integer: (limit) => randomInt(limit) };

const refuseDial: AddressDialer = (host, port) =>
  Promise.reject(new Error(`Cannot reach ${host} port ${port}: this server has no way into the cluster's network`));

/** Opens the store and brings the server up; it answers once `listen` or `handleConnection` is called. */
export async function createApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { stateDir, clock } = options;
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const cidrs = options.serviceCidrs ?? DEFAULT_CIDRS;
  const domain = options.clusterDomain ?? 'cluster.local';
  const schemas = options.registry ?? SchemaRegistry.builtin();
  const store = new ObjectStore({ path: join(stateDir, 'state.db') });
  const services = new ServiceAllocator({ cidrs, random: systemRandom });
  for (const entry of store.list('services')) services.adopt(entry.object);
  const catalog = new ResourceCatalog(schemas);
  const dialAddress = options.dialAddress ?? refuseDial;
  const dial = options.dialService ?? serviceDialer(store, dialAddress);
  const admission = new WebhookAdmission(
    () => core,
    (webhook, review) => callWebhook(webhook, review, dial),
  );
  const rbac = new RbacAuthorizer(store);
  const authorizer = withMasters(withNodes(rbac, store));
  const core: Core = {
    store,
    schemas,
    catalog,
    services,
    admission,
    restrict(scope, object, old) {
      refuseEscalation(scope, object, authorizer, rbac);
      restrictSigners(scope, object, old, authorizer);
    },
    requireCreate: (scope) => requireCreate(scope, authorizer),
    audit: options.audit ?? (() => {}),
    clock,
    random: systemRandom,
    sleep: (ms) => sleep(ms),
  };

  const issuer = `https://kubernetes.default.svc.${domain}`;
  const tokens = new TokenService({ keyPath: join(stateDir, 'pki', 'sa.key'), issuer, store, clock, uuid: systemRandom.uuid });
  const custom = new CustomResources(core);
  const state = { ready: false };
  const context: HttpContext = {
    core,
    tokens,
    authorizer,
    rbac,
    kubelets: options.kubelets ?? (() => undefined),
    dialAddress,
    aggregated: options.aggregated ?? new Map(),
    foreignGroups: options.foreignGroups ?? (() => []),
    documents: new OpenApiDocuments(core, custom),
    isReady: () => state.ready,
    watches: { open: 0, limit: options.maxWatches ?? DEFAULT_MAX_WATCHES },
  };

  const serviceAddresses = cidrs.map((cidr) => parseRange(cidr).first);
  const authority = await openAuthority(join(stateDir, 'pki'), clock);
  const serving = await authority.serving({
    dnsNames: ['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc', `kubernetes.default.svc.${domain}`],
    ipAddresses: ['127.0.0.1', '::1', ...serviceAddresses, ...(options.extraAddresses ?? [])],
  });
  const local = createLocalClient(context, SYSTEM_USER);
  await bootstrapObjects(core, local);
  await new ApiServices(core, custom, local).start();
  const front = new HttpsFront(context, serving, authority.caCertificatePem);
  state.ready = true;

  return {
    async listen(host, port) {
      const address = await front.listen(host, port);
      return { host: address.address, port: address.port };
    },
    handleConnection: (socket) => front.handleConnection(socket),
    localClient: (user) => createLocalClient(context, user),
    async kubeconfig(server, clusterName = 'palisade') {
      const client = await authority.client('admin', 'kubernetes-admin', [MASTERS]);
      return renderKubeconfig({
        server,
        clusterName,
        userName: `${clusterName}-admin`,
        caCertificatePem: authority.caCertificatePem,
        client,
      });
    },
    async issueServiceAccountToken(namespace, name, audiences = [], expirationSeconds = 3600) {
      const account = store.get('serviceaccounts', namespace, name);
      if (account === undefined) throw new Error(`Cannot issue a token for "${namespace}/${name}": no such service account`);
      const { token } = await tokens.issue({
        namespace,
        serviceAccount: name,
        serviceAccountUid: account.object.metadata.uid!,
        audiences,
        expirationSeconds,
      });
      return token;
    },
    caCertificatePem: authority.caCertificatePem,
    certificateRequests: authority.requests,
    serviceAddresses,
    async close() {
      state.ready = false;
      custom.stop();
      await front.close();
      store.close();
    },
  };
}
