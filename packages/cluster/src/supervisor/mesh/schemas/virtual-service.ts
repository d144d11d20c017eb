/** networking.istio.io VirtualService. */
import { destination, exportTo, stringMatch, stringMatches } from './common.ts';
import {
  as,
  choice,
  count,
  duration,
  flag,
  list,
  message,
  number,
  optionalCount,
  optionalFlag,
  port,
  text,
  textMap,
  texts,
  whole,
} from './words.ts';

const percent = (description: string) => message(description, { value: number('Percent, 0 to 100.') });

const gateways = texts('Gateways this match is for, instead of those of the whole object; "mesh" is every sidecar.');
const source = {
  sourceLabels: textMap('Labels of the client’s pod.'),
  sourceNamespace: text('Namespace of the client.'),
  gateways,
  port: port('Port of the service that the client asked for.'),
};

const httpMatch = message('One alternative: everything it names must hold.', {
  name: text('Name of the match, for logs.'),
  uri: as('Path of the request.', stringMatch),
  scheme: as('Scheme of the request.', stringMatch),
  method: as('HTTP method.', stringMatch),
  authority: as('Host that the request names.', stringMatch),
  headers: stringMatches('Headers by name, in lower case; an empty match asks that the header be there.'),
  withoutHeaders: stringMatches('Headers that must not match.'),
  queryParams: stringMatches('Parameters of the query by name.'),
  ignoreUriCase: flag('Compares the path without regard to case; not for expressions.'),
  statPrefix: text('Prefix for statistics of this match.'),
  ...source,
});

const headerChanges = (of: string) =>
  message(`Changes of the ${of}’s headers.`, {
    set: textMap('Headers to write over.'),
    add: textMap('Headers to add.'),
    remove: texts('Headers to take away.'),
  });
const headers = message('Changes of headers.', { request: headerChanges('request'), response: headerChanges('response') });

const httpDestination = message(
  'One of the destinations that share the traffic.',
  { destination, weight: whole('Share of the traffic, relative to the other weights.'), headers },
  'destination',
);
const tcpDestination = message(
  'One of the destinations that share the connections.',
  { destination, weight: whole('Share of the connections, relative to the other weights.') },
  'destination',
);

const redirect = message('Answer with a redirection.', {
  uri: text('Path to redirect to.'),
  authority: text('Host to redirect to.'),
  scheme: text('Scheme to redirect to.'),
  port: port('Port to redirect to.'),
  derivePort: choice('How the port is found when none is named.', 'FROM_PROTOCOL_DEFAULT', 'FROM_REQUEST_PORT'),
  prefixRewrite: text('Replaces the prefix that matched.'),
  redirectCode: count('Status of the answer, 301 by default.'),
});

const directResponse = message(
  'Answer without asking any service.',
  {
    status: count('HTTP status of the answer.'),
    body: message('Body of the answer.', {
      string: text('The body as text.'),
      bytes: { ...text('The body in base64.'), format: 'byte' },
    }),
  },
  'status',
);

const rewrite = message('Changes of the request before it is sent on.', {
  uri: text('Replaces the path, or the prefix that matched.'),
  authority: text('Replaces the host.'),
  uriRegexRewrite: message('Replaces what an expression finds in the path.', {
    match: text('RE2 expression.'),
    rewrite: text('What stands there instead; \\1 is the first group.'),
  }),
});

const retries = message('How often a failed request is tried again.', {
  attempts: whole('Most further attempts; 0 switches them off.'),
  perTryTimeout: duration('Time one attempt may take.'),
  retryOn: text('Conditions, separated by commas, such as "5xx,connect-failure".'),
  backoff: duration('Time between attempts, at least.'),
  retryIgnorePreviousHosts: optionalFlag('Prefers endpoints that were not tried before.'),
  retryRemoteLocalities: optionalFlag('Tries endpoints of other localities too.'),
});

const fault = message('Faults made on purpose, to test clients.', {
  delay: message('Requests are held up.', {
    percentage: percent('Share of the requests.'),
    percent: whole('Share of the requests, in whole percent (deprecated).'),
    fixedDelay: duration('How long.'),
    exponentialDelay: duration('Reserved.'),
  }),
  abort: message('Requests are answered with an error.', {
    percentage: percent('Share of the requests.'),
    httpStatus: whole('HTTP status of the answer.'),
    grpcStatus: text('gRPC status of the answer.'),
    http2Error: text('Reserved.'),
  }),
});

const corsPolicy = message('Cross-origin resource sharing.', {
  allowOrigins: list('Origins that may ask.', stringMatch),
  allowOrigin: texts('Origins that may ask (deprecated).'),
  allowMethods: texts('Methods that may be used.'),
  allowHeaders: texts('Headers that may be sent.'),
  exposeHeaders: texts('Headers that scripts may read.'),
  maxAge: duration('How long a preflight’s answer may be kept.'),
  allowCredentials: optionalFlag('Whether credentials may be sent.'),
  unmatchedPreflights: choice('What becomes of preflights of other origins.', 'UNSPECIFIED', 'FORWARD', 'IGNORE'),
});

const httpRoute = message('The first route with a match that holds decides; one without match takes everything.', {
  name: text('Name of the route, for logs.'),
  match: list('Alternatives: one that holds is enough.', httpMatch),
  route: list('Where the requests go.', httpDestination),
  redirect,
  directResponse,
  delegate: message('Another VirtualService that has the routes.', {
    name: text('Its name.'),
    namespace: text('Its namespace.'),
  }),
  rewrite,
  timeout: duration('Time a request may take, with all attempts; none by default.'),
  retries,
  fault,
  mirror: as('Sends a copy of every request there too and drops the answer.', destination),
  mirrors: list('Further copies.', message('One copy.', { destination, percentage: percent('Share of the requests.') }, 'destination')),
  mirrorPercentage: percent('Share of the requests that are copied.'),
  mirrorPercent: optionalCount('Share of the requests that are copied, in whole percent (deprecated).'),
  mirror_percent: optionalCount('The same (deprecated).'),
  corsPolicy,
  headers,
});

const subnets = texts('Networks of the destination’s address.');

export const virtualService = message('Where requests for a host go: routes by path, header, port or client, for sidecars and gateways.', {
  hosts: texts('Names that these routes are for; "*.example.com" takes all below.'),
  gateways: texts('Gateways that have these routes; "mesh", the default, is every sidecar.'),
  http: list('Routes for HTTP, in this order.', httpRoute),
  tls: list(
    'Routes for TLS that is passed through, by server name.',
    message(
      'One route.',
      {
        match: list(
          'Alternatives: one that holds is enough.',
          message(
            'One alternative.',
            { sniHosts: texts('Server names of the handshake.'), destinationSubnets: subnets, ...source },
            'sniHosts',
          ),
        ),
        route: list('Where the connections go.', tcpDestination),
      },
      'match',
    ),
  ),
  tcp: list(
    'Routes for other connections.',
    message('One route.', {
      match: list(
        'Alternatives: one that holds is enough.',
        message('One alternative.', { destinationSubnets: subnets, sourceSubnet: text('Network of the client’s address.'), ...source }),
      ),
      route: list('Where the connections go.', tcpDestination),
    }),
  ),
  exportTo,
});
