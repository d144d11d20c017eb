/** Entries of the access log service, read back with the generated schema, from a proxy that carries real requests. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createApplication, type Server } from 'node:http';
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Session } from 'node:http2';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fromBinary } from '@bufbuild/protobuf';
import {
  type HTTPAccessLogEntry,
  HTTPAccessLogEntrySchema,
  type TCPAccessLogEntry,
} from '@palisade/xds/api/envoy/data/accesslog/v3/accesslog';
import { StreamAccessLogsMessageSchema } from '@palisade/xds/api/envoy/service/accesslog/v3/als';
import { createGrpcHandler } from '@palisade/xds/grpc';
import { parseBootstrap, staticResources } from '../config/bootstrap.ts';
import { DataPlane } from '../proxy.ts';
import { agentCluster, plainHop, rbacFilter, reportLog } from '../testing/mesh-bootstrap.ts';
import { type EntryWriter, written } from './entry-writer.ts';

const dir = mkdtempSync(join(tmpdir(), 'palisade-report-'));
const socketPath = join(dir, 'agent.sock');
const http: HTTPAccessLogEntry[] = [];
const tcp: TCPAccessLogEntry[] = [];
const names: string[] = [];
const sessions = new Set<ServerHttp2Session>();
const planes: DataPlane[] = [];
let application: Server;
let agent: Http2Server;

function listen(): Promise<unknown> {
  agent = createHttp2Server();
  agent.on('session', (session) => sessions.add(session));
  agent.on(
    'stream',
    createGrpcHandler({
      '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs': () => ({
        message(bytes) {
          const message = fromBinary(StreamAccessLogsMessageSchema, bytes);
          if (message.identifier !== undefined) names.push(message.identifier.logName);
          if (message.logEntries.case === 'httpLogs') http.push(...message.logEntries.value.logEntry);
          if (message.logEntries.case === 'tcpLogs') tcp.push(...message.logEntries.value.logEntry);
        },
      }),
    }),
  );
  agent.listen(socketPath);
  return once(agent, 'listening');
}

before(async () => {
  application = createApplication((_, response) => response.end('hello')).listen(0, '127.0.0.1');
  await Promise.all([once(application, 'listening'), listen()]);
});

after(() => {
  for (const plane of planes) plane.close();
  for (const session of sessions) session.destroy();
  agent.close();
  application.closeAllConnections();
  application.close();
  rmSync(dir, { recursive: true, force: true });
});

const tags = [
  { tag: 'service', literal: { value: 'app.shop.svc' } },
  { tag: 'workload', metadata: { kind: { host: {} }, metadata_key: { key: 'istio', path: [{ key: 'workload' }] } } },
  { tag: 'missing', metadata: { kind: { cluster: {} }, metadata_key: { key: 'istio', path: [{ key: 'none' }] } } },
];

// biome-ignore lint/suspicious/noExplicitAny: a bootstrap is JSON
async function start(change: (config: any) => void = () => {}): Promise<{ plane: DataPlane; port: number }> {
  const { port } = application.address() as AddressInfo;
  const deny = {
    action: 'DENY',
    policies: { 'ns[a]-policy[b]-rule[0]': { permissions: [{ url_path: { path: { exact: '/no' } } }], principals: [{ any: true }] } },
  };
  const config = plainHop({ listenPort: 0, adminPort: 0, upstreamPort: port, logPath: '', statPrefix: 'in' }, [rbacFilter(deny)], {
    access_log: [reportLog('http', 'inbound', tags)],
  });
  const next = config.static_resources.clusters[0]!;
  const endpoint = next.load_assignment.endpoints[0]!.lb_endpoints[0]! as Record<string, unknown>;
  endpoint['metadata'] = { filter_metadata: { istio: { workload: 'app-v1;shop;app;v1;Kubernetes' } } };
  config.static_resources.clusters.push(agentCluster(socketPath) as never);
  change(config);
  const plane = new DataPlane();
  planes.push(plane);
  await plane.apply(staticResources(parseBootstrap(JSON.stringify(config), 'test')));
  return { plane, port: plane.addressOf('main')!.port };
}

async function raw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1', () => socket.write(text, 'latin1'));
  let answer = '';
  socket.setEncoding('latin1').on('data', (part) => (answer += part));
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('close', resolve));
  return answer;
}

async function arrives<T>(list: readonly T[], matches: (one: T) => boolean): Promise<T> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const found = list.find(matches);
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('the entry did not arrive');
}

test('a request, a denied one and a broken one', async () => {
  const { port } = await start();
  await raw(port, 'POST /yes?a=1 HTTP/1.1\r\nHost: app\r\nx-request-id: r\xe91\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc');
  await raw(port, 'GET /no HTTP/1.1\r\nHost: app\r\nconnection: close\r\n\r\n');
  await raw(port, 'GET / HTTP/1.1\r\nHost: app\r\nx: a\0b\r\n\r\n');
  const passed = await arrives(http, (one) => one.request?.path === '/yes?a=1');
  const common = passed.commonProperties!;
  assert.equal(passed.protocolVersion, 2);
  assert.deepEqual([passed.request?.requestMethod, passed.request?.authority, passed.request?.requestId], [3, 'app', 'ré1']);
  assert.equal(passed.request?.requestBodyBytes, 3n);
  assert.deepEqual([passed.response?.responseCode, passed.response?.responseBodyBytes], [200, 5n]);
  assert.equal(passed.response?.responseCodeDetails, 'via_upstream');
  assert.deepEqual(common.customTags, { service: 'app.shop.svc', workload: 'app-v1;shop;app;v1;Kubernetes' });
  assert.equal(common.upstreamCluster, 'next');
  assert.equal(common.downstreamRemoteAddress?.address.case, 'socketAddress');
  assert.ok(Math.abs(Number(common.startTime!.seconds) - Date.now() / 1000) < 60);
  const denied = await arrives(http, (one) => one.request?.path === '/no');
  assert.deepEqual(
    [denied.response?.responseCode, denied.response?.responseCodeDetails],
    [403, 'rbac_access_denied_matched_policy[ns[a]-policy[b]-rule[0]]'],
  );
  assert.equal(denied.commonProperties?.customTags['service'], 'app.shop.svc');
  const broken = await arrives(http, (one) => one.response?.responseCode === 400);
  assert.equal(broken.commonProperties?.responseFlags?.downstreamProtocolError, true);
  assert.deepEqual(names, ['inbound']);
});

test('connections: bytes both ways, one denied at the network layer, one that no chain serves', async () => {
  const chain = (filters: unknown[]) => (config: { static_resources: { listeners: Record<string, unknown>[] } }) => {
    Object.assign(config.static_resources.listeners[0]!, {
      access_log: [{ ...reportLog('tcp', 'inbound', []), filter: { response_flag_filter: { flags: ['NR'] } } }],
      filter_chains: [{ filters, filter_chain_match: { source_ports: filters.length > 0 ? [] : [1] } }],
    });
  };
  const tcpProxy = {
    name: 'tcp',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
      stat_prefix: 'tcp',
      cluster: 'next',
      access_log: [reportLog('tcp', 'inbound', tags)],
    },
  };
  const nobody = {
    name: 'rbac',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.network.rbac.v3.RBAC',
      stat_prefix: 'tcp.',
      rules: { action: 'ALLOW' },
    },
  };
  const open = await start(chain([tcpProxy]));
  const question = 'GET / HTTP/1.1\r\nHost: a\r\nconnection: close\r\n\r\n';
  const answer = await raw(open.port, question);
  const passed = await arrives(tcp, (one) => one.connectionProperties?.receivedBytes === BigInt(question.length));
  assert.equal(passed.connectionProperties?.sentBytes, BigInt(answer.length));
  assert.equal(passed.commonProperties?.customTags['workload'], 'app-v1;shop;app;v1;Kubernetes');
  const closed = await start(chain([nobody, tcpProxy]));
  await raw(closed.port, 'x');
  const denied = await arrives(tcp, (one) => one.commonProperties?.connectionTerminationDetails !== '');
  assert.equal(denied.commonProperties?.connectionTerminationDetails, 'rbac_access_denied_matched_policy[none]');
  const none = await start((config) => {
    chain([tcpProxy])(config);
    config.static_resources.listeners[0].filter_chains[0].filter_chain_match = { source_ports: [1] };
  });
  await raw(none.port, 'x');
  await arrives(tcp, (one) => one.commonProperties?.responseFlags?.noRouteFound === true);
});

test('an agent that is away costs entries and no requests; one that comes back gets new ones', async () => {
  const { plane, port } = await start((config) => {
    const [log] = config.static_resources.listeners[0].filter_chains[0].filters[0].typed_config.access_log;
    // Small messages: what nobody takes is dropped soon.
    log.typed_config.common_config.buffer_size_bytes = 1;
  });
  const dropped = plane.runtime.stats.counter('access_logs.grpc_access_log.logs_dropped');
  const get = (path: string) => raw(port, `GET ${path} HTTP/1.1\r\nHost: app\r\nconnection: close\r\n\r\n`);
  await get('/before');
  await arrives(http, (one) => one.request?.path === '/before');
  for (const session of sessions) session.destroy();
  sessions.clear();
  await new Promise<void>((resolve) => agent.close(() => resolve()));
  for (let i = 0; i < 300; i++) assert.match(await get('/away'), /^HTTP\/1.1 200/);
  await listen();
  for (let attempt = 0; attempt < 60 && !http.some((one) => one.request?.path === '/back'); attempt++) {
    await get('/back');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.ok(http.some((one) => one.request?.path === '/back'));
  assert.ok(dropped.value > 0);
});

test('long and foreign texts stay readable; numbers of every size come back', () => {
  for (const text of ['', 'a', 'ü'.repeat(10), 'x'.repeat(48), 'ü'.repeat(49), 'y'.repeat(5000)]) {
    for (const value of [0, 1, 127, 128, 300, 2 ** 31, 2 ** 40]) {
      const bytes = written(16_384, (out: EntryWriter) => {
        const request = out.open(3);
        out.text(5, text, 2048);
        out.number(12, value);
        out.close(request);
      });
      const { request } = fromBinary(HTTPAccessLogEntrySchema, bytes);
      assert.deepEqual([request?.path, request?.requestBodyBytes], [text.slice(0, 2048), BigInt(value)]);
    }
  }
});
