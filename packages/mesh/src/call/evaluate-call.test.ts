import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nobodysKeys } from '../authn/request-authentication.ts';
import { parseRequestAuthentication } from '../resources/request-authentication.ts';
import type { MeshSnapshot, Workload } from '../traffic/model.ts';
import { details, snapshot } from '../traffic/testing/snapshot.ts';
import { type Call, evaluateCall } from './evaluate-call.ts';

const web: Workload = { ...details, name: 'web-1', labels: { app: 'web' }, addresses: ['10.244.1.9'], serviceAccount: 'web' };
const strict = { namespace: 'istio-system', spec: { mtls: { mode: 'STRICT' } } };
const now = 1_800_000_000;

interface Change {
  readonly from?: Partial<Call['from']>;
  readonly to?: Partial<Call['to']>;
  readonly byAddress?: boolean;
  readonly method?: string;
  readonly token?: Record<string, unknown>;
}

function ask(given: MeshSnapshot, { from, to, byAddress = false, method = 'GET', token }: Change = {}) {
  const service = given.services.find(({ name }) => name === 'details')!;
  return evaluateCall(
    given,
    {
      from: { workload: web, hasProxy: true, ...from },
      to: { workload: details, hasProxy: true, port: 9080, ...(byAddress ? {} : { service: { service, port: service.ports[0]! } }), ...to },
      request: { method, authority: 'details', path: '/details/0', headers: new Map() },
      ...(token === undefined ? {} : { token }),
    },
    now,
  );
}

const rule = (tls: object) => ({ host: 'details', trafficPolicy: { tls } });
const viewer = {
  selector: { matchLabels: { app: 'details' } },
  rules: [{ from: [{ source: { principals: ['cluster.local/ns/shop/sa/web'] } }], to: [{ operation: { methods: ['GET'] } }] }],
};

test('what the two sides agree on, row by row', () => {
  const none = { from: { hasProxy: false } };
  const rows: [string, MeshSnapshot, Change, boolean, string, string][] = [
    ['mesh to mesh', snapshot({ peer: [strict] }), {}, true, 'mutual TLS', 'authorization'],
    ['a client without proxy, permissive', snapshot(), none, true, 'plain text', 'authorization'],
    ['a client without proxy, strict', snapshot({ peer: [strict] }), none, false, 'plain text', 'transport'],
    ['by the pod’s address, strict', snapshot({ peer: [strict] }), { byAddress: true }, false, 'plain text', 'transport'],
    ['a rule without TLS, strict', snapshot({ peer: [strict], rules: [rule({ mode: 'DISABLE' })] }), {}, false, 'plain text', 'transport'],
    ['TLS of the rule’s own, strict', snapshot({ peer: [strict], rules: [rule({ mode: 'SIMPLE' })] }), {}, false, 'TLS', 'transport'],
    [
      'a rule that insists, server without TLS',
      snapshot({ peer: [{ spec: { mtls: { mode: 'DISABLE' } } }], rules: [rule({ mode: 'ISTIO_MUTUAL' })] }),
      {},
      false,
      'mutual TLS',
      'transport',
    ],
    [
      'automatic, server without TLS',
      snapshot({ peer: [{ spec: { mtls: { mode: 'DISABLE' } } }] }),
      {},
      true,
      'plain text',
      'authorization',
    ],
    ['automatic switched off', snapshot({ settings: { isAutoMtls: false } }), {}, true, 'plain text', 'authorization'],
    ['no proxy there', snapshot({ authorization: [{}] }), { to: { hasProxy: false } }, true, 'plain text', 'nobody'],
  ];
  for (const [name, given, change, isAllowed, transport, decidedAt] of rows) {
    const verdict = ask(given, change);
    assert.deepEqual([verdict.isAllowed, verdict.transport, verdict.decidedAt], [isAllowed, transport, decidedAt], name);
    assert.match(verdict.lines[0]!, isAllowed ? /^ALLOWED: / : /^DENIED: /, name);
  }
});

test('who the destination sees, and which rule decides', () => {
  const given = snapshot({ authorization: [viewer] });
  const allowed = ask(given);
  assert.deepEqual(
    [allowed.isAllowed, allowed.peer, allowed.decision?.decidedBy],
    [true, 'spiffe://cluster.local/ns/shop/sa/web', { namespace: 'shop', name: 'p0', rule: 0 }],
  );
  assert.match(ask(given, { method: 'POST' }).lines[1]!, /would allow it if the method were GET \(it is POST\)/);
  const plain = ask(given, { byAddress: true });
  assert.equal(plain.isAllowed, false, 'the pod’s own address is called in plain text: no identity');
  assert.match(plain.lines[1]!, /the peer were .* \(there is none\)/);
});

test('tokens: the filter’s verdict comes before any rule', () => {
  const jwks = nobodysKeys;
  const given = {
    ...snapshot({ authorization: [{ rules: [{ when: [{ key: 'request.auth.claims[scope]', values: ['read'] }] }] }] }),
    requestAuthentications: [
      parseRequestAuthentication({
        apiVersion: 'v1',
        kind: 'RequestAuthentication',
        metadata: { name: 'jwt', namespace: 'shop' },
        spec: { jwtRules: [{ issuer: 'me', jwks, audiences: ['books'] }] },
      }),
    ],
  };
  const good = { iss: 'me', sub: 'ann', aud: ['books'], exp: now + 60, scope: 'read write' };
  assert.equal(ask(given, { token: good }).isAllowed, true);
  assert.equal(ask(given).isAllowed, false, 'without a token it gets to the rule, which denies');
  for (const [token, words] of [
    [{ ...good, iss: 'you' }, /issuer is not configured: "you" \(401\)/],
    [{ ...good, exp: now }, /expired/],
    [{ ...good, nbf: now + 1 }, /not yet valid/],
    [{ ...good, aud: 'films' }, /Audiences in Jwt are not allowed \(403\)/],
  ] as const) {
    const verdict = ask(given, { token });
    assert.equal(verdict.decidedAt, 'token');
    assert.match(verdict.lines[0]!, words);
  }
});
