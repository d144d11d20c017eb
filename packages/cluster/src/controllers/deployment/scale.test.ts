import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubernetesObject } from '@palisade/kubernetes';
import fc from 'fast-check';
import { makeDeployment } from '../test-harness.ts';
import { planDeployment } from './decide.ts';
import { availableOf, fenceposts, replicasOf, type Scale, scaleProportionally } from './scale.ts';
import { isSameTemplate, templateHash } from './template.ts';

const rolling = (replicas: number, maxSurge: number | string, maxUnavailable: number | string) =>
  makeDeployment('web', replicas, { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } } });

test('surge rounds up, unavailability down, never both zero', () => {
  const cases: [number, number | string, number | string, number, number][] = [
    [10, '25%', '25%', 3, 2],
    [1, '25%', '25%', 1, 0],
    [0, '25%', '25%', 0, 1],
    [3, 0, '10%', 0, 1],
    [4, 2, 9, 2, 4],
    [100, '1%', '0%', 1, 0],
  ];
  for (const [replicas, surge, unavailable, maxSurge, maxUnavailable] of cases) {
    const found = fenceposts(rolling(replicas, surge, unavailable));
    assert.deepEqual(
      [found.maxSurge, Math.min(found.maxUnavailable, Math.max(1, replicas))],
      [maxSurge, maxUnavailable],
      `${replicas} ${surge} ${unavailable}`,
    );
  }
  assert.throws(() => fenceposts(rolling(1, 'many', 0)), /Cannot read amount "many"/);
});

function set(name: string, replicas: number, available: number, image: string, annotations: Record<string, string> = {}): KubernetesObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name, uid: name, creationTimestamp: '2026-01-01T00:00:00Z', annotations },
    spec: { replicas, template: makeDeployment('web', 1, {}, image)['spec'].template },
    status: { replicas, availableReplicas: available, observedGeneration: 1 },
  };
}

test('a change of size in the middle of a rollout is shared by size', () => {
  const noted = { 'deployment.kubernetes.io/desired-replicas': '10', 'deployment.kubernetes.io/max-replicas': '13' };
  const sizes = (scales: Scale[]) => Object.fromEntries(scales.map(({ rs, replicas }) => [rs.metadata.name, replicas]));
  const [old, fresh] = [set('old', 8, 8, 'web:1', noted), set('new', 5, 2, 'web:2', noted)];
  assert.deepEqual(sizes(scaleProportionally(rolling(15, 3, 2), fresh, [old])), { old: 11, new: 7 });
  assert.deepEqual(sizes(scaleProportionally(rolling(5, 3, 2), fresh, [old])), { old: 5, new: 3 });
  assert.deepEqual(sizes(scaleProportionally(rolling(0, 3, 2), fresh, [old])), { old: 0, new: 0 });
  assert.deepEqual(sizes(scaleProportionally(rolling(7, 3, 2), fresh, [set('gone', 0, 0, 'web:0')])), { new: 7 });
});

/** Plays the ReplicaSet controller and the kubelets: `healthy` pods become available, in any order, one by one. */
test('whatever becomes ready when: a rolling update stays within its bounds and ends', () => {
  const amount = fc.oneof(
    fc.integer({ min: 0, max: 5 }),
    fc.integer({ min: 0, max: 100 }).map((percent) => `${percent}%`),
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      amount,
      amount,
      fc.integer({ min: 0, max: 12 }),
      fc.infiniteStream(fc.nat({ max: 1000 })),
      (replicas, surge, unavailable, oldHealthy, dice) => {
        const deployment = rolling(replicas, surge, unavailable);
        deployment['spec'].template = makeDeployment('web', 1, {}, 'web:2')['spec'].template;
        const { maxSurge, maxUnavailable } = fenceposts(deployment);
        const roll = dice[Symbol.iterator]();
        let sets = [set('old', replicas, Math.min(oldHealthy, replicas), 'web:1', { 'deployment.kubernetes.io/revision': '1' })];
        const availableAtStart = availableOf(sets[0]!);
        for (let step = 0; step < 400; step++) {
          const plan = planDeployment(deployment, sets, () => []);
          if (plan.create !== undefined)
            sets = [
              ...sets,
              {
                ...plan.create,
                metadata: { ...plan.create.metadata, uid: 'new' },
                status: { replicas: 0, availableReplicas: 0, observedGeneration: 1 },
              },
            ];
          if (plan.refresh !== undefined)
            sets = sets.map((rs) =>
              rs === plan.newSet ? { ...rs, metadata: { ...rs.metadata, annotations: plan.refresh!.annotations } } : rs,
            );
          for (const { rs, replicas: size } of plan.scales) {
            // Unavailable pods are the first to be deleted.
            const status = { ...rs['status'], replicas: size, availableReplicas: Math.min(size, availableOf(rs)) };
            sets = sets.map((other) => (other === rs ? { ...rs, spec: { ...rs['spec'], replicas: size }, status } : other));
          }
          const total = sets.reduce((sum, rs) => sum + replicasOf(rs), 0);
          const available = sets.reduce((sum, rs) => sum + availableOf(rs), 0);
          assert.ok(total <= replicas + maxSurge, `${total} pods, bound ${replicas + maxSurge}`);
          assert.ok(
            available >= Math.min(availableAtStart, replicas - maxUnavailable),
            `${available} available, bound ${replicas - maxUnavailable}`,
          );
          const fresh = sets.find((rs) => rs.metadata.uid === 'new');
          if (fresh !== undefined && availableOf(fresh) === replicas && total === replicas) return;
          if (fresh !== undefined && availableOf(fresh) < replicasOf(fresh) && roll.next().value! % 2 === 0) {
            const status = { ...fresh['status'], replicas: replicasOf(fresh), availableReplicas: availableOf(fresh) + 1 };
            sets = sets.map((rs) => (rs === fresh ? { ...rs, status } : rs));
          }
        }
        assert.fail('the rollout did not end');
      },
    ),
  );
});

test('templates: what counts as the same, and the name it gives', () => {
  const template = (extra: object = {}) => ({
    metadata: { labels: { app: 'x' } },
    spec: { containers: [{ name: 'c', image: 'i' }] },
    ...extra,
  });
  assert.ok(
    isSameTemplate(
      template(),
      template({ metadata: { labels: { app: 'x', 'pod-template-hash': 'abc' }, creationTimestamp: null, annotations: {} } as object }),
    ),
  );
  assert.ok(
    isSameTemplate(template(), { spec: { containers: [{ image: 'i', name: 'c', args: [] }] }, metadata: { labels: { app: 'x' } } }),
  );
  assert.ok(!isSameTemplate(template(), template({ spec: { containers: [{ name: 'c', image: 'j' }] } })));
  assert.ok(!isSameTemplate(template(), template({ metadata: { labels: { app: 'x' }, annotations: { a: 'b' } } })));
  assert.equal(templateHash(template(), 0), templateHash(template(), 0));
  assert.notEqual(templateHash(template(), 0), templateHash(template(), 1));
});
