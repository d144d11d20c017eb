/** From entries as a proxy writes them to metrics and flow records. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { type FlowRecord, formatFlow } from '@palisade/flow';
import type { HTTPAccessLogEntrySchema } from '@palisade/xds/api/envoy/data/accesslog/v3/accesslog';
import { StreamAccessLogsMessageSchema } from '@palisade/xds/api/envoy/service/accesslog/v3/als';
import type { ServerCall } from '@palisade/xds/grpc';
import type { Peer } from '@palisade/xds/peer';
import fc from 'fast-check';
import type { PeerDirectory } from '../peers.ts';
import { createFlowLog } from './flow-log.ts';
import { createTelemetry } from './index.ts';
import { createRequestMetrics } from './metrics.ts';
import { readReports } from './read-entry.ts';
import { createReportMethods } from './receiver.ts';
import { createScrape } from './scrape.ts';
import { parseWorkloadName } from './workload.ts';

type HttpEntry = MessageInitShape<typeof HTTPAccessLogEntrySchema>;
type Common = Exclude<NonNullable<HttpEntry['commonProperties']>, { readonly $typeName: 'envoy.data.accesslog.v3.AccessLogCommon' }>;

const own = parseWorkloadName('details-v1;shop;details;v1;Kubernetes');
const address = (ip: string, port: number) => ({
  address: { case: 'socketAddress' as const, value: { address: ip, portSpecifier: { case: 'portValue' as const, value: port } } },
});
const names = (uri: string) => ({ subjectAltName: [{ san: { case: 'uri' as const, value: uri } }] });
const client = 'spiffe://cluster.local/ns/shop/sa/productpage';
const server = 'spiffe://cluster.local/ns/shop/sa/details';

const common = (more: Partial<Common> = {}): Common => ({
  downstreamRemoteAddress: address('10.0.0.1', 40_000),
  downstreamLocalAddress: address('10.0.0.2', 9080),
  tlsProperties: { localCertificateProperties: names(server), peerCertificateProperties: names(client) },
  startTime: { seconds: 1_700_000_000n, nanos: 5_000_000 },
  duration: { nanos: 3_200_000 },
  upstreamCluster: 'inbound|9080||',
  customTags: { destination_service: 'details.shop.svc.cluster.local;details;shop' },
  ...more,
});

function http(status: number, details: string, more: Partial<Common> = {}): HttpEntry {
  return {
    commonProperties: common(more),
    protocolVersion: 2,
    request: { requestMethod: 1, path: '/details/0', authority: 'details:9080', requestBodyBytes: 7n },
    response: { responseCode: status, responseBodyBytes: 300n, responseCodeDetails: details },
  };
}

function message(logName: string, entries: readonly HttpEntry[]): Uint8Array {
  return toBinary(
    StreamAccessLogsMessageSchema,
    create(StreamAccessLogsMessageSchema, {
      identifier: { logName },
      logEntries: { case: 'httpLogs', value: { logEntry: [...entries] } },
    }),
  );
}

const nobody: PeerDirectory = { find: () => undefined, learn: () => undefined };

function receive(bytes: readonly Uint8Array[], peers = nobody) {
  const flows: FlowRecord[] = [];
  const metrics = createRequestMetrics(own, 3);
  const methods = createReportMethods({
    pod: { namespace: 'shop', name: 'details-x' },
    peers,
    metrics,
    addFlow: (_, make) => void flows.push(make()),
  });
  const handler = Object.values(methods)[0]!({} as ServerCall);
  for (const one of bytes) handler.message(one);
  return { flows, metrics, text: metrics.render() };
}

test('inbound: answered, denied by a policy, allowed by none, without a token, dry run', () => {
  const shadow = {
    filterMetadata: {
      'envoy.filters.http.rbac': {
        istio_dry_run_allow_shadow_engine_result: 'denied',
        istio_dry_run_allow_shadow_effective_policy_id: 'ns[shop]-policy[try]-rule[2]',
      },
      'envoy.filters.http.jwt_authn': { payload: { sub: 'ann' } },
    },
  };
  const { flows } = receive([
    message('inbound', [
      http(200, 'via_upstream'),
      http(403, 'rbac_access_denied_matched_policy[ns[shop]-policy[no-posts]-rule[1]]'),
      http(403, 'rbac_access_denied_matched_policy[none]', { tlsProperties: undefined as never }),
      http(401, 'jwt_authn_access_denied{Jwt_is_expired}'),
      http(200, 'via_upstream', { metadata: shadow }),
    ]),
  ]);
  const time = 'Nov 14 22:13:20.005: ';
  assert.deepEqual(flows.map(formatFlow), [
    `${time}10.0.0.1:40000 (${client}) -> shop/details-x:9080 ingress FORWARDED (HTTP GET /details/0 200 3ms mTLS) — answered`,
    `${time}10.0.0.1:40000 (${client}) <> shop/details-x:9080 ingress DROPPED (HTTP GET /details/0 403 3ms mTLS) — denied by AuthorizationPolicy [AuthorizationPolicy shop/no-posts rule 1]`,
    `${time}10.0.0.1:40000 <> shop/details-x:9080 ingress DROPPED (HTTP GET /details/0 403 3ms) — no AuthorizationPolicy allows it`,
    `${time}10.0.0.1:40000 (${client}) <> shop/details-x:9080 ingress DROPPED (HTTP GET /details/0 401 3ms mTLS) — the token was refused: Jwt is expired`,
    `${time}10.0.0.1:40000 (${client}) -> shop/details-x:9080 ingress AUDIT (HTTP GET /details/0 200 3ms mTLS) — would be denied by AuthorizationPolicy (dry run) [AuthorizationPolicy shop/try rule 2]`,
  ]);
  assert.equal(JSON.stringify(flows).includes('ann'), false);
  assert.equal(flows[0]!.source.identity, client);
});

test('outbound: the endpoint that answered, and why none did', () => {
  const { flows, text } = receive([
    message('outbound', [
      http(200, 'via_upstream', {
        upstreamRemoteAddress: address('10.0.0.9', 80),
        upstreamCluster: 'outbound|80||db.shop.svc.cluster.local',
        customTags: {
          destination_service: 'db.shop.svc.cluster.local;db;shop',
          destination_workload: 'db-v2;shop;db;v2;Kubernetes',
        },
      }),
      http(503, 'upstream_reset_before_response_started{connection_failure}', {
        responseFlags: { upstreamConnectionFailure: true },
        upstreamTransportFailureReason: 'no route to host',
      }),
    ]),
  ]);
  assert.match(
    formatFlow(flows[0]!),
    /shop\/details-x:40000 -> 10\.0\.0\.9:80 \(db\.shop\.svc\.cluster\.local\) egress FORWARDED \(HTTP GET/,
  );
  assert.match(formatFlow(flows[1]!), /egress ERROR .* — cannot connect to the upstream: no route to host/);
  assert.match(
    text,
    /istio_requests_total\{reporter="source",source_workload="details-v1",.*destination_workload="db-v2",.*destination_service_name="db",.*response_code="200",.*connection_security_policy="unknown"\} 1/,
  );
});

test('metrics: Istio’s names and labels, histograms add up, strangers cannot fill the memory', () => {
  const entries = [http(200, 'via_upstream'), http(200, 'via_upstream'), http(403, 'rbac_access_denied_matched_policy[none]')];
  const many = Array.from({ length: 5 }, (_, i) => http(200, 'via_upstream', { upstreamCluster: `c${i}"\n` }));
  const { text } = receive([message('inbound', entries), message('inbound', many)]);
  const labels =
    'reporter="destination",source_workload="unknown",source_workload_namespace="shop",source_canonical_service="unknown",source_canonical_revision="unknown",source_app="unknown",source_version="unknown",source_cluster="unknown",' +
    `source_principal="${client}",destination_workload="details-v1",destination_workload_namespace="shop",destination_canonical_service="details",destination_canonical_revision="v1",destination_app="details",destination_version="v1",destination_cluster="Kubernetes",` +
    `destination_principal="${server}",destination_service="details.shop.svc.cluster.local",destination_service_name="details",destination_service_namespace="shop",request_protocol="http",response_code="200",grpc_response_status="",response_flags="-",connection_security_policy="mutual_tls"`;
  assert.ok(text.includes(`istio_requests_total{${labels}} 2\n`), text);
  assert.ok(text.includes(`istio_request_duration_milliseconds_bucket{${labels},le="5"} 2\n`));
  assert.ok(text.includes(`istio_request_duration_milliseconds_bucket{${labels},le="1"} 0\n`));
  assert.ok(text.includes(`istio_request_bytes_sum{${labels}} 14\n`));
  assert.ok(text.includes(`istio_response_bytes_count{${labels}} 2\n`));
  assert.match(text, /palisade_telemetry_overflow_total 4\n/);
  for (const line of text.trimEnd().split('\n'))
    assert.match(line, /^(?:# (?:HELP|TYPE) |[a-z_]+(?:\{(?:[a-z_]+="(?:[^"\\]|\\.)*",?)+\})? [\d.]+$)/);
});

test('the caller’s pod names it, once it is known and when it has the identity that was proved', async () => {
  const shop = { namespace: 'shop', pod: 'productpage-x', workload: 'productpage-v1;shop;productpage;v1;Kubernetes' };
  const at = (peer: Peer): PeerDirectory => ({
    find: (ip) => (ip === '10.0.0.1' ? peer : undefined),
    learn: (addresses) => (addresses.length === 0 ? undefined : Promise.resolve()),
  });
  const answered = message('inbound', [http(200, 'via_upstream')]);
  const known = receive([answered], at({ ...shop, serviceAccount: 'productpage' }));
  assert.equal(known.flows.length, 0, 'what is asked about is waited for');
  await Promise.resolve();
  const { source } = known.flows[0]!;
  assert.deepEqual([source.namespace, source.pod, source.ip, source.identity], ['shop', 'productpage-x', '10.0.0.1', client]);
  const named =
    'source_workload="productpage-v1",source_workload_namespace="shop",source_canonical_service="productpage",source_canonical_revision="v1",source_app="productpage",source_version="v1",source_cluster="Kubernetes"';
  assert.ok(known.metrics.render().includes(named));
  // Its address was somebody else's a moment ago.
  const other = receive([answered], at({ ...shop, serviceAccount: 'ratings' }));
  await Promise.resolve();
  assert.deepEqual([other.flows[0]!.source.pod, other.flows[0]!.source.identity], [undefined, client]);
  const plain = receive(
    [message('inbound', [http(200, 'via_upstream', { tlsProperties: undefined as never })])],
    at({ ...shop, serviceAccount: 'productpage' }),
  );
  assert.equal(plain.flows[0]!.source.pod, undefined, 'nothing was proved, nothing is asked');
  const mine = receive([message('outbound', [http(200, 'via_upstream')])], at({ ...shop, serviceAccount: 'productpage' }));
  assert.equal(mine.flows.length, 1);
});

test('connections are counted and shown with what ended them', () => {
  const tcp = (more: Partial<Common>, logName = 'inbound') =>
    toBinary(
      StreamAccessLogsMessageSchema,
      create(StreamAccessLogsMessageSchema, {
        identifier: { logName },
        logEntries: {
          case: 'tcpLogs',
          value: { logEntry: [{ commonProperties: common(more), connectionProperties: { receivedBytes: 10n, sentBytes: 20n } }] },
        },
      }),
    );
  const { flows, text } = receive([
    tcp({}),
    tcp({ connectionTerminationDetails: 'rbac_access_denied_matched_policy[ns[shop]-policy[p]-rule[0]]' }),
  ]);
  assert.deepEqual(
    flows.map((flow) => [flow.verdict, flow.policy?.name]),
    [
      ['FORWARDED', undefined],
      ['DROPPED', 'p'],
    ],
  );
  const refused = receive([
    tcp({ responseFlags: { noRouteFound: true }, tlsProperties: undefined as never }, 'refused'),
    tcp({ downstreamTransportFailureReason: 'PEER_DID_NOT_RETURN_A_CERTIFICATE' }, 'refused'),
    tcp({}, 'refused'),
  ]);
  assert.deepEqual(
    refused.flows.map(({ verdict, reason }) => `${verdict} ${reason}`),
    ['DROPPED no filter chain takes this connection: mutual TLS is required', 'DROPPED TLS failed: PEER_DID_NOT_RETURN_A_CERTIFICATE'],
  );
  assert.doesNotMatch(refused.text, /istio_tcp/);
  assert.match(text, /istio_tcp_received_bytes_total\{[^}]*response_flags="-"[^}]*\} 20\n/);
});

test('bytes that are no message are refused, and never read for ever', () => {
  const valid = message('inbound', [http(200, 'via_upstream')]);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(valid.length), fc.nat(255), (noise, at, value) => {
      const changed = Uint8Array.from(valid);
      changed[at] = value;
      for (const bytes of [noise, changed, valid.subarray(0, at)]) {
        try {
          assert.ok(Array.isArray(readReports(bytes).reports));
        } catch (error) {
          assert.ok(error instanceof Error && error.name !== 'AssertionError');
        }
      }
    }),
  );
});

test('flow log: denied records keep their share when answers flood it', () => {
  const lines: string[] = [];
  let now = 0;
  const log = createFlowLog({ write: (line: string) => lines.push(line) > 0, writableLength: 0 } as never, () => now);
  const { flows } = receive([message('inbound', [http(200, 'via_upstream'), http(403, 'rbac_access_denied_matched_policy[none]')])]);
  for (let i = 0; i < 10_000; i++) log.add(true, () => flows[0]!);
  log.add(false, () => flows[1]!);
  assert.equal(lines.length, 201);
  assert.equal(JSON.parse(lines.at(-1)!).verdict, 'DROPPED');
  assert.equal(log.skipped, 9800);
  now += 1000;
  for (let i = 0; i < 100; i++) log.add(true, () => flows[0]!);
  assert.equal(lines.length, 251);
});

test('flow records that cannot be written are counted, and end nothing', async (t) => {
  const said = t.mock.method(console, 'error', () => {});
  const pod = { namespace: 'shop', name: 'p' };
  const { addFlow, scrape } = createTelemetry({
    pod,
    workload: {},
    peers: nobody,
    flowLogPath: '/dev/null/flows',
    adminPort: 1,
    now: Date.now,
  });
  while (said.mock.callCount() === 0) await new Promise(setImmediate);
  assert.match(String(said.mock.calls[0]!.arguments[0]), /flow records are lost: ENOTDIR/);
  const { flows } = receive([message('inbound', [http(200, 'via_upstream')])]);
  addFlow(flows[0]!);
  const server = createServer(scrape).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { headers: { connection: 'close' } });
  assert.match(await response.text(), /^palisade_flow_records_skipped_total 1$/m);
});

test('scrape: both parts, and ours alone while the proxy is away', async () => {
  const admin = createServer((_, response) => response.end('envoy_x 1\n')).listen(0, '127.0.0.1');
  await once(admin, 'listening');
  const { port: adminPort } = admin.address() as AddressInfo;
  const scrape = createServer(createScrape({ render: () => 'istio_x 1\n', adminPort })).listen(0, '127.0.0.1');
  await once(scrape, 'listening');
  const url = `http://127.0.0.1:${(scrape.address() as AddressInfo).port}`;
  const read = async () => (await fetch(url, { headers: { connection: 'close' } })).text();
  assert.equal(await read(), 'istio_x 1\nenvoy_x 1\n');
  admin.closeAllConnections();
  admin.close();
  assert.equal(await read(), 'istio_x 1\n');
  scrape.closeAllConnections();
  scrape.close();
});
