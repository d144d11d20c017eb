/** networking.istio.io DestinationRule, and the parts of it that other kinds share. */
import { exportTo, portSelector, selector } from './common.ts';
import {
  choice,
  count,
  duration,
  flag,
  list,
  map,
  message,
  number,
  optionalCount,
  optionalFlag,
  text,
  textMap,
  texts,
  whole,
} from './words.ts';

export const connectionPool = message('Bounds of connections and requests.', {
  tcp: message('Of connections.', {
    maxConnections: whole('Most connections to the host.'),
    connectTimeout: duration('Time to connect, 10s by default.'),
    idleTimeout: duration('A connection without traffic ends after this.'),
    maxConnectionDuration: duration('A connection ends after this.'),
    tcpKeepalive: message('TCP keep-alive.', {
      probes: count('Probes without answer before the connection counts as dead.'),
      time: duration('Idle time before the first probe.'),
      interval: duration('Time between probes.'),
    }),
  }),
  http: message('Of HTTP.', {
    http1MaxPendingRequests: whole('Most requests that wait for a connection.'),
    http2MaxRequests: whole('Most requests at the same time.'),
    maxRequestsPerConnection: whole('Requests after which a connection ends; 1 switches keep-alive off.'),
    maxRetries: whole('Most retries at the same time.'),
    maxConcurrentStreams: whole('Most streams of one HTTP/2 connection.'),
    idleTimeout: duration('A connection without requests ends after this.'),
    h2UpgradePolicy: choice('Whether HTTP/1.1 is sent on as HTTP/2.', 'DEFAULT', 'DO_NOT_UPGRADE', 'UPGRADE'),
    useClientProtocol: flag('Speaks the protocol that the client speaks.'),
    http2KeepAlive: message('Pings of HTTP/2.', {
      interval: duration('Time between pings.'),
      timeout: duration('Time to wait for the answer.'),
    }),
  }),
});

const failoverPriority = texts('Labels, the most important first: endpoints that share more of them with the client come first.');
const failover = list(
  'Where traffic of a region goes when that region is not well.',
  message('One region.', { from: text('Region of the client.'), to: text('Region that takes over.') }),
);

const consistentHash = message('The same client goes to the same endpoint, by a hash.', {
  httpHeaderName: text('Of this header.'),
  httpQueryParameterName: text('Of this parameter of the query.'),
  httpCookie: message(
    'Of this cookie.',
    {
      name: text('Name of the cookie.'),
      path: text('Path of the cookie.'),
      ttl: duration('Lifetime of the cookie.'),
      attributes: list(
        'Further attributes of the cookie.',
        message('One attribute.', { name: text('Its name.'), value: text('Its value.') }, 'name'),
      ),
    },
    'name',
  ),
  useSourceIp: flag('Of the client’s address.'),
  ringHash: message('Hashing on a ring.', { minimumRingSize: count('Fewest places on the ring.') }),
  maglev: message('Maglev hashing.', { tableSize: count('Size of the table.') }),
  minimumRingSize: count('Fewest places on the ring (deprecated).'),
});

const loadBalancer = message('How an endpoint is chosen.', {
  simple: choice('A way that needs no settings.', 'UNSPECIFIED', 'LEAST_CONN', 'RANDOM', 'PASSTHROUGH', 'ROUND_ROBIN', 'LEAST_REQUEST'),
  consistentHash,
  backendUtilization: message('By the load that endpoints report.', {
    errorUtilizationPenaltyPercent: count('How much failed requests count.'),
    metricNamesForComputingUtilization: texts('Reported metrics to use.'),
    weightExpirationPeriod: duration('A report is forgotten after this.'),
    weightStabilizationPeriod: duration('A new endpoint’s reports count after this.'),
    weightUpdatePeriod: duration('Time between changes of weights.'),
  }),
  localityLbSetting: message('Preference for endpoints nearby.', {
    enabled: optionalFlag('Overrides the mesh’s setting.'),
    distribute: list(
      'Shares by locality.',
      message('Of one locality.', {
        from: text('Locality of the client, such as "region/zone/*".'),
        to: map('Share in percent by locality of the endpoints.', count('Percent.')),
      }),
    ),
    failover,
    failoverPriority,
  }),
  zoneAwareLbSetting: message('Preference for endpoints of the same zone.', {
    enabled: optionalFlag('Switches it on.'),
    failover,
    failoverPriority,
    minClusterSize: optionalCount('Fewest endpoints for it to act.'),
  }),
  warmup: message(
    'New endpoints take their full share only by and by.',
    {
      duration: duration('How long.'),
      minimumPercent: { ...number('Share to begin with, in percent.'), nullable: true },
      aggression: { ...number('Shape of the increase; 1 is a straight line.'), nullable: true },
    },
    'duration',
  ),
  warmupDurationSecs: duration('The same (deprecated).'),
});

const outlierDetection = message('Endpoints that keep failing are left out for a while.', {
  consecutive5xxErrors: optionalCount('Answers of 500 and above in a row.'),
  consecutiveGatewayErrors: optionalCount('Answers of 502, 503 and 504 in a row.'),
  consecutiveLocalOriginFailures: optionalCount('Failed connections in a row.'),
  consecutiveErrors: whole('The same (deprecated).'),
  splitExternalLocalOriginErrors: flag('Counts failed connections apart from bad answers.'),
  interval: duration('Time between looks.'),
  baseEjectionTime: duration('How long an endpoint is left out at first.'),
  maxEjectionPercent: whole('Most endpoints left out, in percent.'),
  minHealthPercent: whole('With fewer well endpoints none is left out.'),
  outlierDetectionHttpErrorCodes: list('Statuses that count as errors.', { type: 'integer' }),
});

const tls = message('TLS towards the host.', {
  mode: choice(
    'DISABLE, SIMPLE, MUTUAL with a certificate of one’s own, ISTIO_MUTUAL with the mesh’s.',
    'DISABLE',
    'SIMPLE',
    'MUTUAL',
    'ISTIO_MUTUAL',
  ),
  sni: text('Server name of the handshake.'),
  subjectAltNames: texts('Names one of which the server’s certificate must carry.'),
  clientCertificate: text('File of the client’s certificate.'),
  privateKey: text('File of its key.'),
  caCertificates: text('File of the authorities to trust.'),
  caCrl: text('File of revoked certificates.'),
  credentialName: text('Secret with certificate, key and authorities.'),
  insecureSkipVerify: optionalFlag('Trusts any certificate.'),
});

const settings = { connectionPool, loadBalancer, outlierDetection, tls };

const trafficPolicy = message('How traffic to the host is sent.', {
  ...settings,
  portLevelSettings: list(
    'The same for single ports; they replace the host’s whole.',
    message('One port.', { port: portSelector, ...settings }),
  ),
  proxyProtocol: message('Tells the host who the client is (PROXY protocol).', { version: choice('Version of the protocol.', 'V1', 'V2') }),
  retryBudget: message('Bounds of retries by what is going on.', {
    percent: { ...number('Retries in percent of the requests under way.'), nullable: true },
    budgetInterval: duration('Time that requests are counted for.'),
    minRetryConcurrency: count('Retries that are always allowed.'),
  }),
  tunnel: message(
    'Sends connections through a proxy (CONNECT or POST).',
    {
      protocol: text('CONNECT or POST.'),
      targetHost: text('Host to ask the proxy for.'),
      targetPort: count('Port to ask the proxy for.'),
    },
    'targetHost',
    'targetPort',
  ),
});

export const destinationRule = message(
  'How traffic to a host is sent once it is routed: TLS, choice of endpoints, subsets of them.',
  {
    host: text('Name of the service; short names are completed with this object’s namespace.'),
    trafficPolicy,
    subsets: list(
      'Named parts of the host, for routes to point at.',
      message('One subset.', { name: text('Its name.'), labels: textMap('Labels of the endpoints’ pods.'), trafficPolicy }, 'name'),
    ),
    exportTo,
    workloadSelector: selector,
  },
  'host',
);
