import assert from 'node:assert/strict';
import { it } from 'node:test';
import { summarizeEdges } from './edges.ts';
import { flow } from './fixtures.ts';

it('sums records up by workload, verdict, port and policy', () => {
  const policy = { kind: 'NetworkPolicy', namespace: 'default', name: 'db' };
  const world = { ...flow({ second: 4 }), source: { ip: '203.0.113.7', reserved: 'world' } };
  const edges = summarizeEdges([
    flow({ second: 2, port: 81 }),
    flow({ second: 1 }),
    flow({ second: 3, verdict: 'DROPPED', policy }),
    flow({ second: 3, verdict: 'DROPPED', policy }),
    flow({ to: 'web', second: 5 }),
    world,
  ]);
  assert.deepEqual(
    edges.map(({ source, destination, verdicts }) => [source.name, destination.name, verdicts]),
    [
      ['Deployment/auth', 'Deployment/db', { FORWARDED: 2, DROPPED: 2 }],
      ['Deployment/auth', 'Deployment/web', { FORWARDED: 1 }],
      ['world', 'Deployment/db', { FORWARDED: 1 }],
    ],
  );
  assert.deepEqual(edges[0]!.protocols, ['TCP 80', 'TCP 81']);
  assert.deepEqual(edges[0]!.policies, [{ policy, verdict: 'DROPPED', count: 2 }]);
  assert.deepEqual([edges[0]!.firstSeen, edges[0]!.lastSeen], ['2026-01-01T00:00:01.000Z', '2026-01-01T00:00:03.000Z']);
});
