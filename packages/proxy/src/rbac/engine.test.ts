/** One row a case: rules as Envoy writes them, who asks for what, verdict. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromJson, type JsonObject } from '@bufbuild/protobuf';
import { RBACSchema } from '@palisade/xds/api/envoy/config/rbac/v3/rbac';
import fc from 'fast-check';
import { registry } from '../config/registry.ts';
import type { AuthzFacts, ConnectionFacts } from '../facts.ts';
import { Address } from '../net/address.ts';
import { compileRbac } from './engine.ts';

const connection: ConnectionFacts = {
  source: new Address('10.1.2.3'),
  sourcePort: 5000,
  destination: new Address('::ffff:10.9.0.1'),
  destinationPort: 8080,
  isTls: true,
  serverName: 'db.example',
  applicationProtocol: 'istio',
  peer: { uriSans: ['spiffe://td/ns/a/sa/b'], dnsSans: ['b.example'], subject: 'CN=b', hash: '' },
  localUriSans: [],
};

function facts(headers: Record<string, readonly string[]> = {}, changes: Partial<ConnectionFacts> = {}): AuthzFacts {
  return {
    connection: { ...connection, ...changes },
    remote: new Address('203.0.113.7'),
    metadata: { 'envoy.filters.http.jwt_authn': { payload: { groups: ['x', 'y'], iss: 'i', n: 3 } } },
    request: { method: 'GET', path: '/a/b?q=1', authority: 'App.Example:80', values: (name) => headers[name] ?? [] },
  };
}

const any = { any: true };
const header = (name: string, rest: JsonObject) => ({ header: { name, ...rest } });
const jwt = (key: string, value: JsonObject) => ({
  metadata: { filter: 'envoy.filters.http.jwt_authn', path: [{ key: 'payload' }, { key }], value },
});

const permissions: readonly (readonly [string, JsonObject, AuthzFacts, boolean])[] = [
  // Paths never include the query.
  ['exact path', { url_path: { path: { exact: '/a/b' } } }, facts(), true],
  ['path with query', { url_path: { path: { exact: '/a/b?q=1' } } }, facts(), false],
  ['template *', uriTemplate('/a/{*}'), facts(), true],
  ['template ** covers several', uriTemplate('/{**}'), facts(), true],
  ['template * is one segment', uriTemplate('/{*}'), facts(), false],
  ['literals may follow template **', uriTemplate('/{**}/b'), facts(), true],
  ['and must be there', uriTemplate('/{**}/c'), facts(), false],
  // Headers.
  ['present', header('x', { present_match: true }), facts({ x: [''] }), true],
  ['absent', header('x', { present_match: false }), facts(), true],
  ['absent value never matches', header('x', { string_match: { prefix: '' } }), facts(), false],
  ['inverted and absent', header('x', { string_match: { exact: 'a' }, invert_match: true }), facts(), false],
  ['second value', header('x', { string_match: { exact: 'b' } }), facts({ x: ['a', 'b'] }), true],
  ['never the join', header('x', { string_match: { exact: 'a,b' } }), facts({ x: ['a', 'b'] }), false],
  ['range', header('x', { range_match: { start: '5', end: '10' } }), facts({ x: ['10'] }), false],
  ['regex is whole', header(':method', { string_match: { safe_regex: { regex: 'G' } } }), facts(), false],
  ['host ignoring case', header(':authority', { string_match: { exact: 'app.example:80', ignore_case: true } }), facts(), true],
  // Destinations.
  ['port', { destination_port: 8080 }, facts(), true],
  ['port range ends before its end', { destination_port_range: { start: 8000, end: 8080 } }, facts(), false],
  ['mapped address', { destination_ip: { address_prefix: '10.9.0.0', prefix_len: 16 } }, facts(), true],
  ['odd prefix', { destination_ip: { address_prefix: '10.9.0.2', prefix_len: 31 } }, facts(), false],
  ['server name', { requested_server_name: { suffix: '.example' } }, facts(), true],
  // Claims.
  ['list claim', jwt('groups', { list_match: { one_of: { string_match: { exact: 'y' } } } }), facts(), true],
  ['list claim as string', jwt('groups', { string_match: { exact: 'x' } }), facts(), false],
  ['number claim', jwt('n', { double_match: { exact: 3 } }), facts(), true],
  ['inherited names are no claims', jwt('constructor', { present_match: true }), facts(), false],
  // Sets.
  ['and of nothing', { and_rules: { rules: [any, { not_rule: any }] } }, facts(), false],
  ['or', { or_rules: { rules: [{ not_rule: any }, any] } }, facts(), true],
];

function uriTemplate(pathTemplate: string): JsonObject {
  return {
    uri_template: {
      name: 't',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig',
        path_template: pathTemplate,
      },
    },
  };
}

const name = (rest: JsonObject) => ({ authenticated: { principal_name: rest } });
const plaintext = { peer: undefined, isTls: false };

const principals: readonly (readonly [string, JsonObject, AuthzFacts, boolean])[] = [
  ['exact identity', name({ exact: 'spiffe://td/ns/a/sa/b' }), facts(), true],
  ['DNS names do not count beside URI names', name({ exact: 'b.example' }), facts(), false],
  ['DNS name without URI names', name({ exact: 'b.example' }), facts({}, { peer: { ...connection.peer!, uriSans: [] } }), true],
  ['any identity', { authenticated: {} }, facts(), true],
  ['plain text is nobody', { authenticated: {} }, facts({}, plaintext), false],
  ['plain text matches no name', name({ safe_regex: { regex: '.*' } }), facts({}, plaintext), false],
  ['not that identity, in plain text', { not_id: name({ exact: 'spiffe://td/ns/a/sa/b' }) }, facts({}, plaintext), true],
  ['peer address', { direct_remote_ip: { address_prefix: '10.0.0.0', prefix_len: 8 } }, facts(), true],
  ['a mapped prefix is IPv6', { direct_remote_ip: { address_prefix: '::ffff:10.0.0.0', prefix_len: 104 } }, facts(), false],
  ['client address', { remote_ip: { address_prefix: '203.0.113.0', prefix_len: 24 } }, facts(), true],
  ['client address is not the peer', { remote_ip: { address_prefix: '10.0.0.0', prefix_len: 8 } }, facts(), false],
  ['filter state', { filter_state: { key: 'io.istio.peer_principal', string_match: { suffix: '/sa/b' } } }, facts(), true],
];

function judge(action: string, permission: JsonObject, principal: JsonObject, asked: AuthzFacts) {
  const rules = fromJson(RBACSchema, { action, policies: { p: { permissions: [permission], principals: [principal] } } }, { registry });
  return compileRbac(rules, 'test')(asked);
}

for (const [what, permission, asked, expected] of permissions) {
  test(`permission: ${what}`, () => assert.equal(judge('ALLOW', permission, any, asked).isAllowed, expected));
}
for (const [what, principal, asked, expected] of principals) {
  test(`principal: ${what}`, () => assert.equal(judge('ALLOW', any, principal, asked).isAllowed, expected));
}

test('ALLOW without policies allows nobody, DENY without policies denies nobody', () => {
  assert.equal(compileRbac(fromJson(RBACSchema, { action: 'ALLOW' }), 'test')(facts()).isAllowed, false);
  assert.equal(compileRbac(fromJson(RBACSchema, { action: 'DENY' }), 'test')(facts()).isAllowed, true);
});

test('a condition on a request does not hold on a bare connection', () => {
  const bare: AuthzFacts = { connection, remote: connection.source };
  assert.equal(judge('DENY', { header: { name: ':method', string_match: { exact: 'GET' } } }, any, bare).isAllowed, true);
  assert.equal(judge('ALLOW', { url_path: { path: { prefix: '/' } } }, any, bare).isAllowed, false);
});

test('the verdict names the first matching policy by name', () => {
  const policies = { b: { permissions: [any], principals: [any] }, a: { permissions: [any], principals: [any] } };
  assert.deepEqual(compileRbac(fromJson(RBACSchema, { action: 'DENY', policies }), 'test')(facts()), { isAllowed: false, policy: 'a' });
});

test('property: DENY is ALLOW turned around, and NOT NOT changes nothing', () => {
  const leaf: fc.Arbitrary<JsonObject> = fc.constantFrom<JsonObject>(...permissions.map(([, permission]) => permission), any);
  const tree = fc.letrec<{ node: JsonObject }>((tie) => ({
    node: fc.oneof(
      { depthSize: 'small' },
      leaf,
      tie('node').map((rule): JsonObject => ({ not_rule: rule })),
      fc.array(tie('node'), { minLength: 1, maxLength: 3 }).map((rules): JsonObject => ({ and_rules: { rules } })),
      fc.array(tie('node'), { minLength: 1, maxLength: 3 }).map((rules): JsonObject => ({ or_rules: { rules } })),
    ),
  })).node;
  fc.assert(
    fc.property(tree, (rule) => {
      const allowed = judge('ALLOW', rule, any, facts({ x: ['a', 'b'] })).isAllowed;
      assert.equal(judge('DENY', rule, any, facts({ x: ['a', 'b'] })).isAllowed, !allowed);
      assert.equal(judge('ALLOW', { not_rule: { not_rule: rule } }, any, facts({ x: ['a', 'b'] })).isAllowed, allowed);
    }),
  );
});
