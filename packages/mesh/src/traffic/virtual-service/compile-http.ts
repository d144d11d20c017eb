/** HTTP routes of a VirtualService as Envoy's, for one place. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import { HeaderValueOption_HeaderAppendAction as Append, type HeaderValueOptionSchema } from '@palisade/xds/api/envoy/config/core/v3/base';
import {
  RedirectAction_RedirectResponseCode as RedirectCode,
  type RouteSchema,
} from '@palisade/xds/api/envoy/config/route/v3/route_components';
import { describeConfig, metadataFilter } from '../../telemetry/metadata.ts';
import { type Candidate, candidatesOf } from './candidates.ts';
import { compileMatch, everyRequest } from './compile-match.ts';
import { clusterOf, type FindService } from './destination.ts';
import type { HeaderChanges, Headers, HttpAction, RedirectStatus, VirtualService } from './model.ts';
import type { RoutingPlace } from './select.ts';

type Route = MessageInitShape<typeof RouteSchema>;
type Action = NonNullable<Route['action']>;
type Forward = Extract<HttpAction, { kind: 'forward' }>;

/** Istio's default: what never reached the service is tried again. */
export const retryPolicy = { retryOn: 'connect-failure,refused-stream,unavailable,cancelled', numRetries: 2 };

/** @returns none where the VirtualService has no routes for this place */
export function compileHttpRoutes(owner: VirtualService, place: RoutingPlace, find: FindService): Route[] {
  return candidatesOf(owner, place).map((candidate) => compileRoute(candidate, find));
}

export function compileRoute({ owner, place, route, match }: Candidate, find: FindService): Route {
  const { action } = route;
  // With one destination its headers are the route's.
  const single = action.kind === 'forward' && action.destinations.length === 1 ? [action.destinations[0]!.headers] : [];
  return {
    name: [route.name, match?.name ?? ''].filter((part) => part !== '').join('.'),
    match: match === undefined ? everyRequest : compileMatch(match),
    action: compileAction(action, place, find),
    metadata: { filterMetadata: { [metadataFilter]: { config: describeConfig('virtual-service', owner) } } },
    ...headerChanges([...single, route.headers]),
  };
}

function compileAction(action: HttpAction, place: RoutingPlace, find: FindService): Action {
  switch (action.kind) {
    case 'forward':
      return { case: 'route', value: forward(action, place, find) };
    case 'answer':
      return {
        case: 'directResponse',
        // An empty body is none: data sources of proxies hold something.
        value: {
          status: action.status,
          ...(action.body === '' ? {} : { body: { specifier: { case: 'inlineString', value: action.body } } }),
        },
      };
    case 'redirect':
      return {
        case: 'redirect',
        value: {
          responseCode: redirectCodes[action.status],
          hostRedirect: action.authority ?? '',
          portRedirect: action.port ?? 0,
          // Said, so that no proxy has to know how it was asked.
          schemeRewriteSpecifier: { case: 'schemeRedirect', value: action.scheme ?? place.scheme },
          ...(action.uri === undefined ? {} : { pathRewriteSpecifier: { case: 'pathRedirect', value: action.uri } }),
        },
      };
    default:
      return action satisfies never;
  }
}

const redirectCodes: Readonly<Record<RedirectStatus, RedirectCode>> = {
  301: RedirectCode.MOVED_PERMANENTLY,
  302: RedirectCode.FOUND,
  303: RedirectCode.SEE_OTHER,
  307: RedirectCode.TEMPORARY_REDIRECT,
  308: RedirectCode.PERMANENT_REDIRECT,
};

function forward(
  { destinations, timeoutMs, rewrite }: Forward,
  place: RoutingPlace,
  find: FindService,
): Extract<Action, { case: 'route' }>['value'] {
  const [first] = destinations;
  const name = (index: number) => clusterOf(destinations[index]!.destination, place.port, find);
  return {
    clusterSpecifier:
      destinations.length === 1 && first !== undefined
        ? { case: 'cluster', value: name(0) }
        : {
            case: 'weightedClusters',
            value: {
              clusters: destinations.map(({ weight, headers }, index) => ({ name: name(index), weight, ...headerChanges([headers]) })),
            },
          },
    timeout: duration(timeoutMs),
    retryPolicy,
    ...(rewrite?.uri === undefined ? {} : { prefixRewrite: rewrite.uri }),
    ...(rewrite?.pattern === undefined
      ? {}
      : { regexRewrite: { pattern: { regex: rewrite.pattern.match }, substitution: rewrite.pattern.rewrite } }),
    ...(rewrite?.authority === undefined ? {} : { hostRewriteSpecifier: { case: 'hostRewriteLiteral', value: rewrite.authority } }),
  };
}

function duration(ms: number) {
  return { seconds: BigInt(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1_000_000 };
}

function headerChanges(all: readonly Headers[]) {
  const added = ({ set, add }: HeaderChanges): MessageInitShape<typeof HeaderValueOptionSchema>[] => [
    ...set.map(([key, value]) => ({ header: { key, value }, appendAction: Append.OVERWRITE_IF_EXISTS_OR_ADD })),
    ...add.map(([key, value]) => ({ header: { key, value }, appendAction: Append.APPEND_IF_EXISTS_OR_ADD })),
  ];
  return {
    requestHeadersToAdd: all.flatMap(({ request }) => added(request)),
    requestHeadersToRemove: all.flatMap(({ request }) => request.remove),
    responseHeadersToAdd: all.flatMap(({ response }) => added(response)),
    responseHeadersToRemove: all.flatMap(({ response }) => response.remove),
  };
}
