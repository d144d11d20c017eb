/** The verdicts of the real Envoy on compiled policies, against the evaluator's. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createRegistry, type JsonValue, toJson } from '@bufbuild/protobuf';
import { RBACSchema } from '@palisade/xds/api/envoy/extensions/filters/http/rbac/v3/rbac';
import { HttpFilterSchema } from '@palisade/xds/api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import { UriTemplateMatchConfigSchema } from '@palisade/xds/api/envoy/extensions/path/match/uri_template/v3/uri_template_match';
import fc from 'fast-check';
import { parseAuthorizationPolicy } from '../resources/authorization-policy.ts';
import { findEnvoy } from '../testing/envoy.ts';
import { compileHttpAuthorization } from './compile.ts';
import { evaluateAuthorization } from './evaluate.ts';
import type { AuthorizationPolicy } from './policy.ts';

const envoy = findEnvoy();
const trustDomains = { local: 'cluster.local', aliases: [] };
const registry = createRegistry(RBACSchema, UriTemplateMatchConfigSchema);

const values = (...texts: string[]) => fc.uniqueArray(fc.constantFrom(...texts), { minLength: 1, maxLength: 2 });
const fields = (arbitraries: Record<string, fc.Arbitrary<string[]>>) =>
  fc
    .record(
      Object.fromEntries(
        Object.entries(arbitraries).flatMap(([name, item]) => [
          [name, item],
          [`not${name[0]!.toUpperCase()}${name.slice(1)}`, item],
        ]),
      ),
      { requiredKeys: [], noNullPrototype: true },
    )
    .filter((object) => Object.keys(object).length > 0);
const operation = fields({
  methods: values('GET', 'P*', '*ST', '*', 'get'),
  hosts: values('DB.test', 'db.test:*', '*.TEST', 'db*', '*'),
  paths: values('/a', '/a/*', '*/b', '*', '/{*}', '/{*}/b', '/a/{**}', '/{**}/b', '/A'),
});
const source = fields({
  ipBlocks: values('127.0.0.0/8', '10.0.0.1', '::/0'),
  principals: values('*', 'cluster.local/ns/a/sa/b'),
  requestPrincipals: values('*'),
});
const condition = fc.record({
  key: fc.constantFrom('request.headers[X-Role]', 'request.auth.claims[g]', 'source.ip', 'connection.sni'),
  side: fc.constantFrom('values', 'notValues'),
  patterns: values('admin', 'us*', '*er', '*', 'user,admin'),
});
const rule = fc.record({ operation: fc.option(operation), source: fc.option(source), condition: fc.option(condition) }).map((parts) => ({
  ...(parts.operation && { to: [{ operation: parts.operation }] }),
  ...(parts.source && { from: [{ source: parts.source }] }),
  ...(parts.condition && {
    when: [
      { key: parts.condition.key, [parts.condition.side]: parts.condition.key === 'source.ip' ? ['127.0.0.1'] : parts.condition.patterns },
    ],
  }),
}));
const policySets = fc.array(
  fc.record({ action: fc.constantFrom('ALLOW', 'DENY'), rules: fc.array(rule, { minLength: 1, maxLength: 2 }) }),
  { minLength: 1, maxLength: 2 },
);
const requests = fc.record({
  method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE'),
  host: fc.constantFrom('db.test', 'DB.TEST', 'db.test:8080', 'x.test', 'other'),
  path: fc.constantFrom('/', '/a', '/A', '/a/', '/a/b', '/a/x/b', '/b', '//b', '/a?x=/b', '/x?/a', '/a%2Fb', '/a;x'),
  roles: fc.constantFrom([], ['admin'], ['user'], ['user', 'admin'], [''], ['x']),
});

interface Sent {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly roles: readonly string[];
}

function send(port: number, { method, host, path, roles }: Sent): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { host, ...(roles.length === 0 ? {} : { 'x-role': [...roles] }) };
    const sent = request({ host: '127.0.0.1', port, method, path, headers }, (answer) =>
      answer.resume().on('end', () => resolve(answer.statusCode!)),
    );
    sent.on('error', reject).end();
  });
}

function listener(index: number, policies: readonly AuthorizationPolicy[]) {
  const router = {
    name: 'envoy.filters.http.router',
    typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
  };
  const manager = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'x',
    http_filters: [
      ...compileHttpAuthorization(policies, trustDomains).map((filter) => toJson(HttpFilterSchema, filter, { registry })),
      router,
    ],
    route_config: {
      virtual_hosts: [{ name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, direct_response: { status: 200 } }] }],
    },
  };
  return {
    name: `l${index}`,
    address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
    filter_chains: [{ filters: [{ name: 'hcm', typed_config: manager }] }],
  };
}

async function start(sets: readonly AuthorizationPolicy[][], folder: string): Promise<{ child: ChildProcess; ports: number[] }> {
  const admin = { address: { socket_address: { address: '127.0.0.1', port_value: 0 } } };
  const addressFile = join(folder, 'admin');
  writeFileSync(
    join(folder, 'envoy.json'),
    JSON.stringify({
      admin,
      node: { id: 't', cluster: 't' },
      static_resources: { listeners: sets.map((set, index) => listener(index, set)) },
    }),
  );
  const child = spawn(
    envoy!,
    [
      '-c',
      join(folder, 'envoy.json'),
      '--concurrency',
      '1',
      '--use-dynamic-base-id',
      '--log-level',
      'error',
      '--admin-address-path',
      addressFile,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let log = '';
  child.stderr!.on('data', (chunk) => {
    log += chunk;
  });
  for (let attempt = 0; attempt < 400 && child.exitCode === null; attempt++) {
    await new Promise((resolve) => setTimeout(resolve, 25));
    if (!existsSync(addressFile) || readFileSync(addressFile, 'utf8') === '') continue;
    const listeners = await fetch(`http://${readFileSync(addressFile, 'utf8')}/listeners?format=json`).then(
      (answer) =>
        answer.json() as Promise<{ listener_statuses?: { name: string; local_address: { socket_address: { port_value: number } } }[] }>,
      () => undefined,
    );
    const statuses = listeners?.listener_statuses ?? [];
    if (statuses.length === sets.length) {
      const port = new Map(statuses.map((status) => [status.name, status.local_address.socket_address.port_value]));
      return { child, ports: sets.map((_, index) => port.get(`l${index}`)!) };
    }
  }
  child.kill('SIGKILL');
  throw new Error(`Envoy does not start: ${log.slice(0, 1000)}`);
}

test('Envoy decides as the evaluator', {
  skip: envoy === undefined && 'no Envoy: "node scripts/setup/envoy.mjs" fetches one, PALISADE_ENVOY names one',
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-authz-'));
  const specs = fc.sample(policySets, { numRuns: 60, seed: 20_261_122 });
  const sets = specs.map((set) =>
    set.map((spec, index) =>
      parseAuthorizationPolicy({
        apiVersion: 'security.istio.io/v1',
        kind: 'AuthorizationPolicy',
        metadata: { name: `p${index}`, namespace: 'n' },
        spec: spec as unknown as JsonValue,
      }),
    ),
  );
  const sample = fc.sample(requests, { numRuns: 40, seed: 7 }) satisfies readonly Sent[];
  let child: ChildProcess | undefined;
  try {
    const running = await start(sets, folder);
    child = running.child;
    const verdicts = { allowed: 0, denied: 0 };
    for (const [index, policies] of sets.entries()) {
      for (const sent of sample) {
        const status = await send(running.ports[index]!, sent);
        const facts = {
          sourceIp: '127.0.0.1',
          remoteIp: '127.0.0.1',
          destinationIp: '127.0.0.1',
          destinationPort: running.ports[index]!,
          http: {
            method: sent.method,
            authority: sent.host,
            path: sent.path.split('?')[0]!,
            headers: new Map(sent.roles.length === 0 ? [] : [['x-role', sent.roles as readonly string[]]]),
          },
        };
        const { isAllowed } = evaluateAuthorization(policies, facts, trustDomains);
        assert.equal(status, isAllowed ? 200 : 403, `${JSON.stringify(sent)} under ${JSON.stringify(specs[index])}`);
        verdicts[isAllowed ? 'allowed' : 'denied']++;
      }
    }
    assert.ok(verdicts.allowed > 200 && verdicts.denied > 200, JSON.stringify(verdicts));
  } finally {
    child?.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  }
});
