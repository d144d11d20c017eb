import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAuthorizationPolicy } from '../resources/authorization-policy.ts';
import { evaluateAuthorization } from './evaluate.ts';
import { explainDecision } from './explain.ts';
import type { AuthzFacts } from './match.ts';

const policy = (name: string, spec: object, annotations: Record<string, string> = {}) =>
  parseAuthorizationPolicy({
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name, namespace: 'shop', annotations },
    spec,
  });
const facts: AuthzFacts = {
  sourceIp: '10.0.0.1',
  remoteIp: '10.0.0.1',
  destinationIp: '10.0.0.2',
  destinationPort: 9080,
  http: { method: 'POST', authority: 'details', path: '/ping', headers: new Map([['x-role', ['user', 'guest']]]), claims: { g: ['a'] } },
};
const explain = (policies: ReturnType<typeof policy>[], of = facts) =>
  explainDecision(evaluateAuthorization(policies, of, { local: 'cluster.local', aliases: [] }), of);

test('near misses, closest first, with what was found and wanted', () => {
  const viewer = policy('viewer', {
    rules: [
      {
        from: [{ source: { principals: ['cluster.local/ns/shop/sa/web'] } }],
        to: [{ operation: { methods: ['GET', 'HEAD'], paths: ['/details/*'] } }],
      },
      { to: [{ operation: { ports: ['9080'], notMethods: ['POST', 'PUT', 'DELETE'] } }] },
      {
        when: [
          { key: 'request.headers[X-Role]', values: ['admin'] },
          { key: 'request.auth.claims[g]', values: ['b'] },
        ],
      },
    ],
  });
  assert.deepEqual(explain([viewer]), [
    'DENIED: no rule of the ALLOW policies shop/viewer matches',
    '  ns[shop]-policy[viewer]-rule[1] would allow it if the method were not POST, PUT or DELETE (it is POST)',
    '  ns[shop]-policy[viewer]-rule[2] would allow it if the header X-Role were admin (it is user and guest), and the token’s claim g were b (it is ["a"])',
    '  ns[shop]-policy[viewer]-rule[0] would allow it if the method were GET or HEAD (it is POST), and the path were /details/* (it is /ping), and the peer were cluster.local/ns/shop/sa/web (there is none)',
  ]);
});

test('what else had a say', () => {
  const all = { rules: [{}] };
  assert.deepEqual(
    explain([
      policy('deny', { action: 'DENY', ...all }, { 'istio.io/dry-run': 'true' }),
      policy('log', { action: 'AUDIT', ...all }),
      policy('ask', { action: 'CUSTOM', provider: { name: 'opa' }, ...all }),
    ]),
    [
      'ALLOWED: no ALLOW policy applies to the workload',
      '  ns[shop]-policy[ask]-rule[0] asks the provider "opa" first, which may deny',
      '  dry run: ns[shop]-policy[deny]-rule[0] (DENY) matches',
      '  audited by ns[shop]-policy[log]-rule[0]',
    ],
  );
});
