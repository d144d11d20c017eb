/**
 * Random policies and requests: what the explanations' evaluator says, our proxy and the real Envoy do, given the same compiled filters.
 * Callers come over TLS with and without a certificate, from several addresses of both families.
 */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { after, before, test } from 'node:test';
import { type ConnectionOptions, connect } from 'node:tls';
import { createRegistry, toJson } from '@bufbuild/protobuf';
import {
  type AuthorizationPolicy,
  type AuthzFacts,
  compileHttpAuthorization,
  compileTcpAuthorization,
  compileTokens,
  evaluateAuthorization,
  parseAuthorizationPolicy,
  parseRequestAuthentication,
  planTokens,
} from '@palisade/mesh';
import { normalizePath } from '@palisade/mesh/call';
import { withoutEnvoy } from '@palisade/mesh/testing';
import { DataPlane, parseBootstrap, staticResources } from '@palisade/proxy';
import { makeIdentities, type TestIdentity } from '@palisade/proxy/testing';
import { FilterSchema } from '@palisade/xds/api/envoy/config/listener/v3/listener_components';
import { JwtAuthenticationSchema } from '@palisade/xds/api/envoy/extensions/filters/http/jwt_authn/v3/config';
import { RBACSchema as HttpRbacSchema } from '@palisade/xds/api/envoy/extensions/filters/http/rbac/v3/rbac';
import { HttpFilterSchema } from '@palisade/xds/api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import { RBACSchema as NetworkRbacSchema } from '@palisade/xds/api/envoy/extensions/filters/network/rbac/v3/rbac';
import { UriTemplateMatchConfigSchema } from '@palisade/xds/api/envoy/extensions/path/match/uri_template/v3/uri_template_match';
import fc from 'fast-check';
import { startEnvoy } from './verdicts-envoy.ts';
import { policySets, type Question, questions, type Spec } from './verdicts-samples.ts';

const registry = createRegistry(HttpRbacSchema, NetworkRbacSchema, UriTemplateMatchConfigSchema, JwtAuthenticationSchema);
const trustDomains = { local: 'cluster.local', aliases: ['old.td'] };
const type = (name: string) => `type.googleapis.com/${name}`;

const key = 'a key of the test';
const tokens = parseRequestAuthentication({
  apiVersion: 'security.istio.io/v1',
  kind: 'RequestAuthentication',
  metadata: { name: 'r', namespace: 'default' },
  spec: {
    jwtRules: [
      { issuer: 'iss', jwks: JSON.stringify({ keys: [{ kty: 'oct', alg: 'HS256', k: Buffer.from(key).toString('base64url') }] }) },
    ],
  },
});

function sign(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const body = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${body}.${createHmac('sha256', key).update(body).digest('base64url')}`;
}

const specs = fc.sample(policySets, { numRuns: 30, seed: 20_261_122 });
const asked = fc.sample(questions, { numRuns: 30, seed: 7 });
const sets = specs.map((set) => set.map(policyOf));

function policyOf(spec: Spec, index: number): AuthorizationPolicy {
  const metadata = { name: `p${index}`, namespace: 'default' };
  return parseAuthorizationPolicy({ apiVersion: 'security.istio.io/v1', kind: 'AuthorizationPolicy', metadata, spec });
}

let callers: Map<string, TestIdentity>;
let echo: Server;
let bootstrap: object;

before(async () => {
  const names = ['server', 'web', 'auth'];
  const identities = await makeIdentities(names);
  callers = new Map(names.map((name, index) => [name, identities[index]!]));
  echo = createServer((socket) => socket.on('error', () => {}).pipe(socket)).listen(0, '127.0.0.1');
  await once(echo, 'listening');
  const listeners = sets.flatMap((set, index) =>
    (['127.0.0.1', '::1'] as const).flatMap((address) => [
      listenerOf(`http ${index} ${address}`, address, httpFilters(set)),
      listenerOf(`tcp ${index} ${address}`, address, tcpFilters(set)),
    ]),
  );
  bootstrap = {
    node: { id: 't', cluster: 't' },
    static_resources: { listeners, clusters: [clusterOf((echo.address() as AddressInfo).port)] },
  };
});
after(() => echo.close());

function listenerOf(name: string, address: string, filters: readonly unknown[]) {
  const { certPem, keyPem, rootPem } = callers.get('server')!;
  const context = {
    '@type': type('envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext'),
    common_tls_context: {
      tls_certificates: [{ certificate_chain: { inline_string: certPem }, private_key: { inline_string: keyPem } }],
      validation_context: { trusted_ca: { inline_string: rootPem } },
    },
  };
  return {
    name,
    address: { socket_address: { address, port_value: 0 } },
    listener_filters: [
      {
        name: 'envoy.filters.listener.tls_inspector',
        typed_config: { '@type': type('envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector') },
      },
    ],
    filter_chains: [{ filters, transport_socket: { name: 'envoy.transport_sockets.tls', typed_config: context } }],
  };
}

function httpFilters(set: readonly AuthorizationPolicy[]) {
  const compiled = [compileTokens(planTokens([tokens]).general, () => undefined)!, ...compileHttpAuthorization(set, trustDomains)];
  const manager = {
    '@type': type('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: 'x',
    normalize_path: true,
    http_filters: [
      ...compiled.map((filter) => toJson(HttpFilterSchema, filter, { registry })),
      { name: 'envoy.filters.http.router', typed_config: { '@type': type('envoy.extensions.filters.http.router.v3.Router') } },
    ],
    route_config: {
      name: 'all',
      virtual_hosts: [{ name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, direct_response: { status: 200 } }] }],
    },
  };
  return [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }];
}

function tcpFilters(set: readonly AuthorizationPolicy[]) {
  const proxy = { '@type': type('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy'), stat_prefix: 'x', cluster: 'echo' };
  return [
    ...compileTcpAuthorization(set, trustDomains).map((filter) => toJson(FilterSchema, filter, { registry })),
    { name: 'envoy.filters.network.tcp_proxy', typed_config: proxy },
  ];
}

function clusterOf(port: number) {
  const endpoint = { address: { socket_address: { address: '127.0.0.1', port_value: port } } };
  return {
    name: 'echo',
    type: 'STATIC',
    connect_timeout: '5s',
    load_assignment: { cluster_name: 'echo', endpoints: [{ lb_endpoints: [{ endpoint }] }] },
  };
}

/** @returns what comes back: a status line's number, or an echo; '' when the connection ends without a word */
async function ask(port: number, { from, peer, sni, http }: Question): Promise<string> {
  const identity = peer === undefined ? {} : { cert: callers.get(peer)!.certPem, key: callers.get(peer)!.keyPem };
  const host = from.includes(':') ? '::1' : '127.0.0.1';
  const place: ConnectionOptions & { localAddress: string } = { host, port, localAddress: from, rejectUnauthorized: false };
  const socket = connect({ ...place, ...(sni && { servername: sni }), ...identity });
  let answer = '';
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.setEncoding('latin1').on('error', () => {});
  const text = http === undefined ? 'hello' : headOf(http);
  socket.write(text, 'latin1');
  socket.on('data', (part) => {
    answer += part;
    if (http === undefined && answer.length >= text.length) socket.destroy();
  });
  await ended;
  return http === undefined ? answer : (/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? '');
}

function headOf({ method, host, path, roles, claims }: NonNullable<Question['http']>): string {
  const token = claims === undefined ? [] : [`authorization: Bearer ${sign({ iss: 'iss', sub: 'sub', ...claims })}`];
  const lines = [`${method} ${path} HTTP/1.1`, `host: ${host}`, 'connection: close', ...roles.map((role) => `x-role: ${role}`), ...token];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

function factsOf({ from, peer, sni, http }: Question, port: number): AuthzFacts {
  return {
    ...(peer === undefined ? {} : { peer: callers.get(peer)!.uri }),
    sourceIp: from,
    remoteIp: from,
    destinationIp: from.includes(':') ? '::1' : '127.0.0.1',
    destinationPort: port,
    ...(sni && { sni }),
    ...(http && {
      http: {
        method: http.method,
        authority: http.host,
        path: normalizePath(http.path, 'BASE'),
        headers: new Map(http.roles.length === 0 ? [] : [['x-role', http.roles]]),
        ...(http.claims && { claims: splitScope({ iss: 'iss', sub: 'sub', ...http.claims }) }),
      },
    }),
  };
}

/** As the token filter leaves it: a list of words. */
function splitScope({ scope, ...claims }: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return scope === undefined ? claims : { ...claims, scope: String(scope).split(' ') };
}

async function compare(portOf: (listener: string) => number): Promise<void> {
  const verdicts = { allowed: 0, denied: 0 };
  for (const [index, policies] of sets.entries()) {
    const judge = async (question: Question) => {
      const kind = question.http === undefined ? 'tcp' : 'http';
      const port = portOf(`${kind} ${index} ${question.from.includes(':') ? '::1' : '127.0.0.1'}`);
      const { isAllowed, reason } = evaluateAuthorization(policies, factsOf(question, port), trustDomains);
      const expected = kind === 'tcp' ? (isAllowed ? 'hello' : '') : isAllowed ? '200' : '403';
      assert.equal(await ask(port, question), expected, `${reason}: ${JSON.stringify(question)} under ${JSON.stringify(specs[index])}`);
      verdicts[isAllowed ? 'allowed' : 'denied']++;
    };
    await Promise.all(asked.map(judge));
  }
  assert.ok(verdicts.allowed > 150 && verdicts.denied > 150, JSON.stringify(verdicts));
}

test('our proxy decides as the evaluator', { timeout: 240_000 }, async () => {
  const plane = new DataPlane();
  try {
    await plane.apply(staticResources(parseBootstrap(JSON.stringify(bootstrap), 'verdicts')));
    await compare((listener) => plane.addressOf(listener)!.port);
  } finally {
    plane.close();
  }
});

test('Envoy decides as the evaluator', { skip: withoutEnvoy, timeout: 240_000 }, async () => {
  const envoy = await startEnvoy(bootstrap, sets.length * 4);
  try {
    await compare((listener) => envoy.ports.get(listener)!);
  } finally {
    envoy.stop();
  }
});
