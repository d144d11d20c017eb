/** `FilterChain`: transport, network filters, and what serves the connection in the end. */
import { createHash } from 'node:crypto';
import { toBinary } from '@bufbuild/protobuf';
import { TransportSocketSchema } from '@palisade/xds/api/envoy/config/core/v3/base';
import { type Filter, type FilterChain, FilterChainSchema } from '@palisade/xds/api/envoy/config/listener/v3/listener_components';
import {
  type HttpConnectionManager,
  HttpConnectionManagerSchema,
} from '@palisade/xds/api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import { type RBAC as NetworkRbac, RBACSchema as NetworkRbacSchema } from '@palisade/xds/api/envoy/extensions/filters/network/rbac/v3/rbac';
import { type TcpProxy, TcpProxySchema } from '@palisade/xds/api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy';
import { type DownstreamTlsContext, DownstreamTlsContextSchema } from '@palisade/xds/api/envoy/extensions/transport_sockets/tls/v3/tls';
import { milliseconds } from '../config/duration.ts';
import { refuseUnread, unpack } from '../config/registry.ts';
import type { AuthzFacts, ConnectionFacts } from '../facts.ts';
import { compileManager, type Manager } from '../http/manager.ts';
import type { AccessLogger } from '../log/subject.ts';
import { ProxyError, unsupported } from '../proxy-error.ts';
import { compileRbac } from '../rbac/engine.ts';
import type { Runtime } from '../runtime.ts';
import { compileTcpProxy, type TcpService } from '../tcp/tcp-proxy.ts';
import { compileTls, type TlsSetup } from '../tls/context.ts';
import { type ChainMatcher, compileChainMatch } from './match-chain.ts';

export interface DownstreamTls {
  readonly setup: TlsSetup;
  readonly requiresClientCertificate: boolean;
}

export type Terminal =
  | { readonly kind: 'http'; readonly manager: Manager; readonly loggers: readonly AccessLogger[] }
  | ({ readonly kind: 'tcp' } & TcpService);

export type Judge = (facts: ConnectionFacts) => string | undefined;

export interface Chain {
  readonly name: string;
  readonly matcher: ChainMatcher;
  readonly tls: DownstreamTls | undefined;
  readonly handshakeMs: number;
  /** undefined: allowed; else why not, in Envoy's words. */
  readonly judge: Judge;
  readonly terminal: Terminal;
  /** Same transport: a connection may go on under the new chain. */
  readonly transportKey: string;
}

const defaultHandshakeMs = 15_000;

export function compileChain(config: FilterChain, runtime: Runtime, listener: string): Chain {
  const where = `${listener}, filter chain "${config.name}"`;
  refuseUnread(
    FilterChainSchema,
    config,
    ['name', 'filter_chain_match', 'filters', 'transport_socket', 'transport_socket_connect_timeout', 'metadata'],
    where,
  );
  const last = config.filters.at(-1);
  if (last === undefined) throw new ProxyError('bad-config', `${where}: no filters`);
  const judges = config.filters.slice(0, -1).map((filter) => compileNetworkRbac(filter, runtime, where));
  return {
    name: config.name,
    matcher: compileChainMatch(config.filterChainMatch, where),
    tls: downstreamTls(config, runtime, where),
    handshakeMs: milliseconds(config.transportSocketConnectTimeout, defaultHandshakeMs),
    judge(facts) {
      for (const judge of judges) {
        const denial = judge(facts);
        if (denial !== undefined) return denial;
      }
      return undefined;
    },
    terminal: compileTerminal(last, runtime, where),
    transportKey: createHash('sha256')
      .update(config.transportSocket === undefined ? '' : toBinary(TransportSocketSchema, config.transportSocket))
      .digest('hex'),
  };
}

function downstreamTls(config: FilterChain, runtime: Runtime, where: string): DownstreamTls | undefined {
  if (config.transportSocket === undefined) return undefined;
  const message = unpack(config.transportSocket.configType.value, `${where}, transport_socket`);
  if (message.$typeName === 'envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer') return undefined;
  if (message.$typeName !== DownstreamTlsContextSchema.typeName) throw unsupported(where, `transport socket "${message.$typeName}"`);
  const context = message as DownstreamTlsContext;
  refuseUnread(
    DownstreamTlsContextSchema,
    context,
    [
      'common_tls_context',
      'require_client_certificate',
      'disable_stateless_session_resumption',
      'disable_stateful_session_resumption',
      'require_sni',
      'full_scan_certs_on_sni_mismatch',
    ],
    where,
  );
  return {
    setup: compileTls(context.commonTlsContext, runtime.secrets, where),
    requiresClientCertificate: context.requireClientCertificate === true,
  };
}

function compileTerminal(filter: Filter, runtime: Runtime, where: string): Terminal {
  const message = unpack(
    filter.configType.case === 'typedConfig' ? filter.configType.value : undefined,
    `${where}, filter "${filter.name}"`,
  );
  if (message.$typeName === HttpConnectionManagerSchema.typeName)
    return httpTerminal(compileManager(message as HttpConnectionManager, runtime, where));
  if (message.$typeName === TcpProxySchema.typeName) return { kind: 'tcp', ...compileTcpProxy(message as TcpProxy, runtime, where) };
  throw unsupported(where, `"${message.$typeName}" as the last filter`);
}

const httpTerminal = (manager: Manager): Terminal => ({ kind: 'http', manager, loggers: manager.loggers });

function compileNetworkRbac(filter: Filter, runtime: Runtime, where: string): Judge {
  const at = `${where}, filter "${filter.name}"`;
  const message = unpack(filter.configType.case === 'typedConfig' ? filter.configType.value : undefined, at);
  if (message.$typeName !== NetworkRbacSchema.typeName) throw unsupported(at, `type "${message.$typeName}"`);
  const config = message as NetworkRbac;
  refuseUnread(NetworkRbacSchema, config, ['rules', 'shadow_rules', 'stat_prefix', 'shadow_rules_stat_prefix', 'enforcement_type'], at);
  const enforce = config.rules && compileRbac(config.rules, `${at}, rules`);
  const shadow = config.shadowRules && compileRbac(config.shadowRules, `${at}, shadow_rules`);
  const count = (name: string) => runtime.stats.counter(`${config.statPrefix}rbac.${name}`);
  const [allowed, denied] = [count('allowed'), count('denied')];
  const prefix = config.shadowRulesStatPrefix;
  const [wouldAllow, wouldDeny] = [count(`${prefix}shadow_allowed`), count(`${prefix}shadow_denied`)];
  return (connection) => {
    const facts: AuthzFacts = { connection, remote: connection.source };
    if (shadow !== undefined) (shadow(facts).isAllowed ? wouldAllow : wouldDeny).value++;
    if (enforce === undefined) return undefined;
    const { isAllowed, policy } = enforce(facts);
    (isAllowed ? allowed : denied).value++;
    return isAllowed ? undefined : `rbac_access_denied_matched_policy[${policy ?? 'none'}]`;
  };
}
