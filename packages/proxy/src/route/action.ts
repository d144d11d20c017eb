/** The action of a route: forward to weighted clusters, answer, or redirect. */
import type { Metadata } from '@palisade/xds/api/envoy/config/core/v3/base';
import {
  type WeightedCluster_ClusterWeight as ClusterWeight,
  WeightedCluster_ClusterWeightSchema as ClusterWeightSchema,
  RedirectAction_RedirectResponseCode as Code,
  type RedirectAction,
  RedirectActionSchema,
  type RetryPolicy,
  type Route,
  type RouteAction as RouteActionConfig,
  RouteActionSchema,
} from '@palisade/xds/api/envoy/config/route/v3/route_components';
import type { Cells } from '../cells.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { readDataSource } from '../config/data-source.ts';
import { milliseconds } from '../config/duration.ts';
import { headerText } from '../config/header-text.ts';
import { refuseUnread } from '../config/registry.ts';
import type { RequestFacts } from '../facts.ts';
import { withoutQuery } from '../match/path.ts';
import { compileRegex } from '../match/regex.ts';
import { ProxyError, unsupported } from '../proxy-error.ts';
import { compileHeaderChanges, type HeaderChanges, joinChanges, type RouteAction, type RouteTarget } from './route.ts';

interface Inherited {
  readonly request: readonly HeaderChanges[];
  readonly response: readonly HeaderChanges[];
  readonly retry: RetryPolicy | undefined;
}

const defaultTimeoutMs = 15_000;
const read = [
  'cluster',
  'weighted_clusters',
  'metadata_match',
  'prefix_rewrite',
  'regex_rewrite',
  'host_rewrite_literal',
  'timeout',
  'retry_policy',
  'max_grpc_timeout',
  'max_stream_duration',
  'cluster_not_found_response_code',
  'idle_timeout',
  'append_x_forwarded_host',
];

const readWeighted = [
  'name',
  'weight',
  'metadata_match',
  'request_headers_to_add',
  'request_headers_to_remove',
  'response_headers_to_add',
  'response_headers_to_remove',
  'host_rewrite_literal',
];

export function compileAction(route: Route, inherited: Inherited, clusters: Cells<Cluster>, where: string): RouteAction {
  switch (route.action.case) {
    case 'route':
      return forward(route, route.action.value, inherited, clusters, where);
    case 'directResponse': {
      const { status, body } = route.action.value;
      return { kind: 'answer', status, body: body === undefined ? '' : readDataSource(body, where) };
    }
    case 'redirect':
      return redirect(route, route.action.value, where);
    default:
      throw unsupported(where, `action "${route.action.case ?? 'nothing'}"`);
  }
}

function forward(route: Route, action: RouteActionConfig, inherited: Inherited, clusters: Cells<Cluster>, where: string): RouteAction {
  refuseUnread(RouteActionSchema, action, read, where);
  const specifier = action.clusterSpecifier;
  const common = {
    hostRewrite: hostRewriteOf(action, where),
    labels: lbLabels(action.metadataMatch),
  };
  const targets: RouteTarget[] =
    specifier.case === 'cluster'
      ? [
          {
            ...common,
            cluster: clusters.at(specifier.value),
            weight: 1,
            request: joinChanges(inherited.request),
            response: joinChanges(inherited.response),
          },
        ]
      : specifier.case === 'weightedClusters'
        ? specifier.value.clusters.map((one) => {
            refuseUnread(ClusterWeightSchema, one, readWeighted, where);
            return {
              cluster: clusters.at(one.name),
              weight: one.weight ?? 0,
              labels: lbLabels(one.metadataMatch) ?? common.labels,
              hostRewrite: hostRewriteOf(one, where) ?? common.hostRewrite,
              request: joinChanges([
                compileHeaderChanges(one.requestHeadersToAdd, one.requestHeadersToRemove, where),
                ...inherited.request,
              ]),
              response: joinChanges([
                compileHeaderChanges(one.responseHeadersToAdd, one.responseHeadersToRemove, where),
                ...inherited.response,
              ]),
            };
          })
        : [];
  const retry = action.retryPolicy ?? inherited.retry;
  const rewritePath = pathRewrite(route, action, where);
  return {
    kind: 'forward',
    pickTarget: compileTargets(targets, where),
    timeoutMs: milliseconds(action.timeout, defaultTimeoutMs),
    retries: retry === undefined ? 0 : (retry.numRetries ?? 1),
    retriesOnConnectFailure: retry !== undefined && /connect-failure|5xx|gateway-error|reset/.test(retry.retryOn),
    rewritePath,
  };
}

function hostRewriteOf({ hostRewriteSpecifier: host }: RouteActionConfig | ClusterWeight, where: string): string | undefined {
  return host.case === 'hostRewriteLiteral' ? headerText(host.value, 'host_rewrite_literal', where) : undefined;
}

function compileTargets(targets: readonly RouteTarget[], where: string): (random: () => number) => RouteTarget {
  const total = targets.reduce((sum, target) => sum + target.weight, 0);
  const [first] = targets;
  if (first === undefined || total === 0) throw new ProxyError('bad-config', `${where}: no cluster with a weight above 0`);
  if (targets.length === 1) return () => first;
  return (random) => {
    let left = random() * total;
    for (const target of targets) {
      left -= target.weight;
      if (left < 0) return target;
    }
    return targets.findLast((target) => target.weight > 0)!;
  };
}

function lbLabels(metadata: Metadata | undefined): Readonly<Record<string, unknown>> | undefined {
  return metadata?.filterMetadata['envoy.lb'];
}

function pathRewrite(route: Route, action: RouteActionConfig, where: string): ((path: string) => string) | undefined {
  if (action.regexRewrite !== undefined) {
    const regex = compileRegex(action.regexRewrite.pattern?.regex ?? '', where, false);
    const global = new RegExp(regex.source, `${regex.flags}g`);
    const substitution = headerText(action.regexRewrite.substitution, 'substitution', where)
      .replaceAll('$', '$$$$')
      .replace(/\\(\d)/g, '$$$1');
    return (whole) => {
      const path = withoutQuery(whole);
      return path.replace(global, substitution) + whole.slice(path.length);
    };
  }
  if (action.prefixRewrite === '') return undefined;
  const specifier = route.match?.pathSpecifier;
  if (specifier?.case !== 'prefix' && specifier?.case !== 'path' && specifier?.case !== 'pathSeparatedPrefix')
    throw unsupported(where, 'prefix_rewrite without a prefix or exact path');
  const { length } = specifier.value;
  const prefix = headerText(action.prefixRewrite, 'prefix_rewrite', where);
  return (path) => prefix + path.slice(length);
}

const codes: Readonly<Record<Code, number>> = {
  [Code.MOVED_PERMANENTLY]: 301,
  [Code.FOUND]: 302,
  [Code.SEE_OTHER]: 303,
  [Code.TEMPORARY_REDIRECT]: 307,
  [Code.PERMANENT_REDIRECT]: 308,
};

function redirect(route: Route, action: RedirectAction, where: string): RouteAction {
  refuseUnread(
    RedirectActionSchema,
    action,
    [
      'https_redirect',
      'scheme_redirect',
      'host_redirect',
      'port_redirect',
      'path_redirect',
      'prefix_rewrite',
      'response_code',
      'strip_query',
    ],
    where,
  );
  const scheme = action.schemeRewriteSpecifier;
  const rewrite = action.pathRewriteSpecifier;
  for (const text of [action.hostRedirect, scheme.value, rewrite.value])
    if (typeof text === 'string') headerText(text, 'redirect to', where);
  const prefixLength = route.match?.pathSpecifier.case === 'prefix' ? route.match.pathSpecifier.value.length : 0;
  return {
    kind: 'redirect',
    status: codes[action.responseCode],
    location(request: RequestFacts) {
      const newScheme =
        scheme.case === 'schemeRedirect' ? scheme.value : scheme.case === 'httpsRedirect' && scheme.value ? 'https' : 'http';
      const host = action.hostRedirect || (action.portRedirect === 0 ? request.authority : request.authority.replace(/:\d+$/, ''));
      const path = withoutQuery(request.path);
      const changed =
        rewrite.case === 'pathRedirect'
          ? rewrite.value
          : rewrite.case === 'prefixRewrite'
            ? rewrite.value + path.slice(prefixLength)
            : path;
      const search = action.stripQuery ? '' : request.path.slice(path.length);
      return `${newScheme}://${host}${action.portRedirect === 0 ? '' : `:${action.portRedirect}`}${changed}${search}`;
    },
  };
}
