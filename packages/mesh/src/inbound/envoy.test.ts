/** The inbound listener in the real Envoy, with certificates of our own authority: who gets through in each mode, and who they are. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect } from 'node:tls';
import { createRegistry, type DescMessage, toJson } from '@bufbuild/protobuf';
import { type Authority, checkRequest, createAuthority, createKeyAndRequest, parseWorkloadId, signWorkload } from '@palisade/identity';
import { ListenerSchema } from '@palisade/xds/api/envoy/config/listener/v3/listener';
import { RBACSchema as HttpRbacSchema } from '@palisade/xds/api/envoy/extensions/filters/http/rbac/v3/rbac';
import { RouterSchema } from '@palisade/xds/api/envoy/extensions/filters/http/router/v3/router';
import { HttpInspectorSchema } from '@palisade/xds/api/envoy/extensions/filters/listener/http_inspector/v3/http_inspector';
import { OriginalDstSchema } from '@palisade/xds/api/envoy/extensions/filters/listener/original_dst/v3/original_dst';
import { TlsInspectorSchema } from '@palisade/xds/api/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector';
import { HttpConnectionManagerSchema } from '@palisade/xds/api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import { RBACSchema as NetworkRbacSchema } from '@palisade/xds/api/envoy/extensions/filters/network/rbac/v3/rbac';
import { TcpProxySchema } from '@palisade/xds/api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy';
import { DownstreamTlsContextSchema } from '@palisade/xds/api/envoy/extensions/transport_sockets/tls/v3/tls';
import type { MtlsMode } from '../authn/peer-authentication.ts';
import { planTokens } from '../authn/request-authentication.ts';
import { parseAuthorizationPolicy } from '../resources/authorization-policy.ts';
import { findEnvoy, withoutEnvoy } from '../testing/envoy.ts';
import { compileInbound } from './listener.ts';

const envoy = findEnvoy();
const schemas: DescMessage[] = [
  DownstreamTlsContextSchema,
  HttpConnectionManagerSchema,
  HttpInspectorSchema,
  HttpRbacSchema,
  NetworkRbacSchema,
  OriginalDstSchema,
  RouterSchema,
  TcpProxySchema,
  TlsInspectorSchema,
];
const registry = createRegistry(...schemas);
const edges = { now: () => new Date(), randomBytes };

async function issue(authority: Authority, uri: string) {
  const id = parseWorkloadId(uri);
  const { privateKeyPem, csrPem } = await createKeyAndRequest(id);
  const { chainPem } = await signWorkload(await checkRequest(csrPem, id), authority, edges);
  return { key: privateKeyPem, cert: chainPem };
}
type Certificate = Awaited<ReturnType<typeof issue>>;

const onlyWeb = parseAuthorizationPolicy({
  apiVersion: 'security.istio.io/v1',
  kind: 'AuthorizationPolicy',
  metadata: { name: 'p', namespace: 'shop' },
  spec: { rules: [{ from: [{ source: { principals: ['cluster.local/ns/shop/sa/web'] } }] }] },
});

const folder = mkdtempSync(join(tmpdir(), 'mesh-inbound-'));
const backend = createServer((asked, answer) => answer.end(String(asked.headers['x-forwarded-client-cert'] ?? 'none')));
const processes: ChildProcess[] = [];
let web: Certificate;
let auth: Certificate;
let foreign: Certificate;
let stranger: Certificate;

before(async () => {
  if (envoy === undefined) return;
  const { authority } = await createAuthority('cluster.local', edges);
  const other = await createAuthority('cluster.local', edges);
  web = await issue(authority, 'spiffe://cluster.local/ns/shop/sa/web');
  auth = await issue(authority, 'spiffe://cluster.local/ns/shop/sa/auth');
  foreign = await issue(authority, 'spiffe://foreign.test/ns/shop/sa/web');
  stranger = await issue(other.authority, 'spiffe://cluster.local/ns/shop/sa/web');
  const server = await issue(authority, 'spiffe://cluster.local/ns/shop/sa/db');
  const secret = (body: object) =>
    JSON.stringify({ resources: [{ '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret', ...body }] });
  const inline = (text: string) => ({ inline_string: text });
  writeFileSync(
    join(folder, 'default.json'),
    secret({ name: 'default', tls_certificate: { certificate_chain: inline(server.cert), private_key: inline(server.key) } }),
  );
  writeFileSync(join(folder, 'ROOTCA.json'), secret({ name: 'ROOTCA', validation_context: { trusted_ca: inline(authority.rootPem) } }));
  backend.listen(0, '127.0.0.1');
  await once(backend, 'listening');
});

after(() => {
  for (const child of processes) child.kill('SIGKILL');
  backend.close();
  rmSync(folder, { recursive: true });
});

/** Nothing is intercepted here: the listener gets a free port, its one cluster the backend, and the secrets come from files. */
async function start(mode: MtlsMode): Promise<number> {
  const { listener } = compileInbound({
    ports: [],
    mtls: { mode, ports: new Map(), decidedBy: [] },
    authorization: [onlyWeb],
    tokens: planTokens([]),
    findJwks: () => undefined,
    providers: new Map(),
    trustDomains: { local: 'cluster.local', aliases: [] },
    pathNormalization: 'BASE',
    accessLogs: { chain: () => [], refused: [] },
    appSource: { ipv4: '127.0.0.6', ipv6: '::6' },
  });
  const json = JSON.parse(
    JSON.stringify(toJson(ListenerSchema, listener, { registry }), (key, value) =>
      key === 'sdsConfig'
        ? undefined
        : value?.sdsConfig
          ? { ...value, sds_config: { path_config_source: { path: join(folder, `${value.name}.json`) } } }
          : value,
    ),
  );
  const address = { socketAddress: { address: '127.0.0.1', portValue: 0 } };
  const cluster = (name: string) => ({
    name,
    type: 'STATIC',
    load_assignment: {
      cluster_name: name,
      endpoints: [
        {
          lb_endpoints: [
            { endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: (backend.address() as AddressInfo).port } } } },
          ],
        },
      ],
    },
  });
  const clusters = ['InboundPassthroughClusterIpv4', 'InboundPassthroughClusterIpv6', 'BlackHoleCluster'].map(cluster);
  const adminFile = join(folder, `admin-${mode}`);
  const bootstrap = {
    admin: { address: { socket_address: { address: '127.0.0.1', port_value: 0 } } },
    node: { id: 't', cluster: 't' },
    static_resources: { listeners: [{ ...json, address, additionalAddresses: [] }], clusters },
  };
  writeFileSync(join(folder, `${mode}.json`), JSON.stringify(bootstrap));
  const child = spawn(
    envoy!,
    [
      '-c',
      join(folder, `${mode}.json`),
      '--concurrency',
      '1',
      '--use-dynamic-base-id',
      '--log-level',
      'error',
      '--admin-address-path',
      adminFile,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  processes.push(child);
  let log = '';
  child.stderr!.on('data', (chunk) => {
    log += chunk;
  });
  for (let attempt = 0; attempt < 400 && child.exitCode === null; attempt++) {
    await new Promise((resolve) => setTimeout(resolve, 25));
    if (!statSync(adminFile, { throwIfNoEntry: false })?.size) continue;
    const found = await fetch(`http://${readFileSync(adminFile, 'utf8')}/listeners?format=json`).then(
      (answer) => answer.json(),
      () => undefined,
    );
    const status = (found as { listener_statuses?: { local_address: { socket_address: { port_value: number } } }[] } | undefined)
      ?.listener_statuses?.[0];
    if (status !== undefined) return status.local_address.socket_address.port_value;
  }
  throw new Error(`Envoy does not start: ${log.slice(0, 1500)}`);
}

/** @returns status and body, or `refused` */
function ask(port: number, certificate?: Certificate, alpn = 'istio-http/1.1'): Promise<string> {
  return new Promise((resolve) => {
    const options = { host: '127.0.0.1', port, path: '/', headers: { host: 'db' } };
    const secure = () =>
      connect({ host: '127.0.0.1', port, ...certificate, rejectUnauthorized: false, ALPNProtocols: [alpn] }).on('error', () =>
        resolve('refused'),
      );
    const sent = request(
      certificate === undefined ? { ...options, agent: false } : { ...options, createConnection: secure },
      async (answer) => {
        let body = '';
        for await (const chunk of answer) body += chunk;
        resolve(`${answer.statusCode} ${body}`);
      },
    );
    sent.setTimeout(5_000, () => sent.destroy());
    sent.on('error', () => resolve('refused')).end();
  });
}

for (const mode of ['STRICT', 'PERMISSIVE', 'DISABLE'] as const) {
  test(`${mode}: by certificate`, { skip: withoutEnvoy }, async () => {
    const port = await start(mode);
    const denied = '403 RBAC: access denied';
    const isDisabled = mode === 'DISABLE';
    // The policy admits web alone, so plaintext that a mode admits is told apart from plaintext that it does not.
    assert.equal(await ask(port), mode === 'STRICT' ? 'refused' : denied, 'plaintext');
    const answer = await ask(port, web);
    if (isDisabled) assert.equal(answer, 'refused');
    else assert.match(answer, /^200 .*URI=spiffe:\/\/cluster\.local\/ns\/shop\/sa\/web/);
    assert.equal(await ask(port, auth), isDisabled ? 'refused' : denied, 'another identity');
    assert.equal(await ask(port, foreign), 'refused', 'a foreign trust domain');
    assert.equal(await ask(port, stranger), 'refused', 'another authority');
    assert.equal(await ask(port, { key: '', cert: '' }), 'refused', 'no certificate');
  });
}
