import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { compilePolicies } from './compile/compile.ts';
import { evaluatePacket } from './evaluate.ts';
import { cluster, packet } from './testing/scene.ts';

// The two manifests of the slide "YAML Traps": one dash decides between AND and OR.
const spec = (from: string) => parse(`podSelector:\n  matchLabels:\n    app: db\ningress:\n- from:\n${from}`);
const both = spec(`
  - namespaceSelector:
      matchLabels:
        user: alice
    podSelector:
      matchLabels:
        role: client
`);
const either = spec(`
  - namespaceSelector:
      matchLabels:
        user: alice
  - podSelector:
      matchLabels:
        role: client
`);

describe('YAML trap: a stray dash turns AND into OR', () => {
  const rows = ['prod/client', 'prod/other', 'default/client', 'default/web'] as const;
  const verdicts = (trap: unknown) => {
    const compiled = compilePolicies(cluster(trap));
    return rows.map((from) => evaluatePacket(compiled, packet(`${from} default/db TCP 1`)).allowed);
  };
  it('one element with both selectors: pods labelled client in namespaces of alice', () => {
    assert.deepEqual(verdicts(both), [true, false, false, false]);
  });
  it("two elements: every pod of alice, and clients of the policy's own namespace", () => {
    assert.deepEqual(verdicts(either), [true, true, true, false]);
  });
  it('matchLabels left null selects every pod', () => {
    const compiled = compilePolicies(cluster(parse('podSelector:\n  matchLabels:\ningress:\n- from:\n  - podSelector: {}\n')));
    assert.equal(evaluatePacket(compiled, packet('prod/client default/web TCP 1')).allowed, false);
    assert.equal(evaluatePacket(compiled, packet('default/client default/web TCP 1')).allowed, true);
  });
});
