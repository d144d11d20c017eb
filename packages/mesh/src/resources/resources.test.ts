import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MeshError } from '../mesh-error.ts';
import { parseAuthorizationPolicy } from './authorization-policy.ts';
import { readExtensionProviders } from './extension-provider.ts';
import { parsePeerAuthentication } from './peer-authentication.ts';

const object = (spec: unknown, annotations = {}) => ({
  apiVersion: 'security.istio.io/v1',
  kind: 'X',
  metadata: { name: 'n', namespace: 's', annotations },
  spec,
});
const refuses = (parse: (value: ReturnType<typeof object>) => unknown, rows: [unknown, string][]) => {
  for (const [spec, field] of rows) {
    assert.throws(
      () => parse(object(spec)),
      (error) => error instanceof MeshError && error.field === field,
      `${JSON.stringify(spec)} at ${field}`,
    );
  }
};
const rule = (value: object) => ({ rules: [value] });

test('AuthorizationPolicy: what is refused, and where', () => {
  refuses(parseAuthorizationPolicy, [
    [[], 'spec'],
    [{ rule: [] }, 'spec.rule'],
    [{ action: 'allow' }, 'spec.action'],
    [{ targetRef: {} }, 'spec.targetRef'],
    [{ action: 'CUSTOM', rules: [{}] }, 'spec.provider'],
    [{ provider: { name: 'x' } }, 'spec.provider'],
    [{ selector: { matchLabels: { a: 'b*' } } }, 'spec.selector.matchLabels[a]'],
    [{ selector: { matchExpressions: [] } }, 'spec.selector.matchExpressions'],
    [{ rules: {} }, 'spec.rules'],
    [rule({ from: [] }), 'spec.rules[0].from'],
    [rule({ from: [{}] }), 'spec.rules[0].from[0].source'],
    [rule({ from: [{ source: {} }] }), 'spec.rules[0].from[0].source'],
    [rule({ from: [{ source: { principal: ['a'] } }] }), 'spec.rules[0].from[0].source.principal'],
    [rule({ from: [{ source: { principals: 'a' } }] }), 'spec.rules[0].from[0].source.principals'],
    [rule({ from: [{ source: { principals: [] } }] }), 'spec.rules[0].from[0].source.principals'],
    [rule({ from: [{ source: { principals: ['a', ''] } }] }), 'spec.rules[0].from[0].source.principals[1]'],
    [rule({ from: [{ source: { ipBlocks: ['10.0.0.0/33'] } }] }), 'spec.rules[0].from[0].source.ipBlocks[0]'],
    [rule({ from: [{ source: { notIpBlocks: ['010.0.0.1'] } }] }), 'spec.rules[0].from[0].source.notIpBlocks[0]'],
    [rule({ from: [{ source: { serviceAccounts: ['a*'] } }] }), 'spec.rules[0].from[0].source.serviceAccounts[0]'],
    [rule({ from: [{ source: { serviceAccounts: ['a'], namespaces: ['b'] } }] }), 'spec.rules[0].from[0].source.serviceAccounts'],
    [rule({ from: [{ source: { serviceAccounts: Array(17).fill('a') } }] }), 'spec.rules[0].from[0].source.serviceAccounts'],
    [rule({ from: [{ source: { trustDomains: ['a/b'] } }] }), 'spec.rules[0].from[0].source.trustDomains[0]'],
    [rule({ from: [{ source: { notTrustDomains: ['a*b'] } }] }), 'spec.rules[0].from[0].source.notTrustDomains[0]'],
    [rule({ when: [{ key: 'source.trustDomain', values: ['*a*'] }] }), 'spec.rules[0].when[0].values[0]'],
    [rule({ to: [{ operation: { ports: ['http'] } }] }), 'spec.rules[0].to[0].operation.ports[0]'],
    [rule({ to: [{ operation: { ports: ['65536'] } }] }), 'spec.rules[0].to[0].operation.ports[0]'],
    [rule({ to: [{ operation: { ports: [80] } }] }), 'spec.rules[0].to[0].operation.ports[0]'],
    [rule({ to: [{ operation: { paths: ['/{**}/{*}'] } }] }), 'spec.rules[0].to[0].operation.paths[0]'],
    [rule({ to: [{ operation: { paths: ['/{id}'] } }] }), 'spec.rules[0].to[0].operation.paths[0]'],
    [rule({ to: [{ operation: { paths: ['x/{*}'] } }] }), 'spec.rules[0].to[0].operation.paths[0]'],
    [rule({ when: [{ key: 'source.ips', values: ['a'] }] }), 'spec.rules[0].when[0].key'],
    [rule({ when: [{ key: 'request.headers', values: ['a'] }] }), 'spec.rules[0].when[0].key'],
    [rule({ when: [{ key: 'request.headers[]', values: ['a'] }] }), 'spec.rules[0].when[0].key'],
    [rule({ when: [{ key: 'source.ip' }] }), 'spec.rules[0].when[0]'],
    [rule({ when: [{ key: 'source.ip', values: ['a'] }] }), 'spec.rules[0].when[0].values[0]'],
    [rule({ when: [{ key: 'destination.port', notValues: ['0'] }] }), 'spec.rules[0].when[0].notValues[0]'],
  ]);
  for (const word of ['maybe', 'tRuE', ''])
    assert.throws(() => parseAuthorizationPolicy(object({}, { 'istio.io/dry-run': word })), /expected "true" or "false"/);
  assert.throws(
    () => parseAuthorizationPolicy(object({ action: 'AUDIT' }, { 'istio.io/dry-run': 'true' })),
    /action AUDIT cannot be tried/,
  );
});

test('AuthorizationPolicy: defaults', () => {
  const parsed = parseAuthorizationPolicy(object(undefined, { 'istio.io/dry-run': 'true' }));
  assert.deepEqual(parsed, { namespace: 's', name: 'n', action: 'ALLOW', isDryRun: true, rules: [] });
});

test('PeerAuthentication', () => {
  refuses(parsePeerAuthentication, [
    [{ mtls: 'STRICT' }, 'spec.mtls'],
    [{ mtls: { mode: 'strict' } }, 'spec.mtls.mode'],
    [{ portLevelMtls: { 80: { mode: 'STRICT' } } }, 'spec.portLevelMtls'],
    [{ selector: { matchLabels: { a: 'b' } }, portLevelMtls: { http: {} } }, 'spec.portLevelMtls[http]'],
    [{ selector: { matchLabels: { a: 'b' } }, portLevelMtls: { 80: { mode: 'X' } } }, 'spec.portLevelMtls[80].mode'],
    [{ mode: 'STRICT' }, 'spec.mode'],
    [{ mtls: { mode: '' } }, 'spec.mtls.mode'],
    [{ selector: { matchLabels: { a: 'b' } }, portLevelMtls: {} }, 'spec.portLevelMtls'],
  ]);
  const parsed = parsePeerAuthentication(
    object({ selector: { matchLabels: { a: 'b' } }, mtls: { mode: 'UNSET' }, portLevelMtls: { 80: { mode: 'DISABLE' }, 90: null } }),
  );
  assert.deepEqual(
    [parsed.mode, [...parsed.ports]],
    [
      undefined,
      [
        [80, 'DISABLE'],
        [90, undefined],
      ],
    ],
  );
});

test('extension providers: broken ones are kept with their problem, two of one name are refused', () => {
  const find = (host: string) => (host === 'a.b' ? host : undefined);
  const states = readExtensionProviders(
    [
      { name: 'trace', zipkin: {} },
      { name: 'good', envoyExtAuthzGrpc: { service: 'ns/a.b', port: 9000, timeout: '0.5s' } },
      { name: 'lost', envoyExtAuthzGrpc: { service: 'x.y', port: 9000 } },
      { name: 'port', envoyExtAuthzHttp: { service: 'a.b', port: 0 } },
      { name: 'status', envoyExtAuthzHttp: { service: 'a.b', port: 1, statusOnError: '999' } },
      { name: 'field', envoyExtAuthzGrpc: { service: 'a.b', port: 1, pathPrefix: '/' } },
    ],
    'p',
    find,
  );
  assert.deepEqual(
    [...states].map(([name, state]) => [name, state.ok ? 'ok' : state.problem.split(':')[0]]),
    [
      ['good', 'ok'],
      ['lost', 'p[2].envoyExtAuthzGrpc.service'],
      ['port', 'p[3].envoyExtAuthzHttp.port'],
      ['status', 'p[4].envoyExtAuthzHttp.statusOnError'],
      ['field', 'p[5].envoyExtAuthzGrpc.pathPrefix'],
    ],
  );
  const twice = { name: 'x', envoyExtAuthzGrpc: { service: 'a.b', port: 1 } };
  assert.throws(() => readExtensionProviders([twice, twice], 'p', find), /names two providers/);
});
