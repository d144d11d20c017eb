import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container, ContainerStatus, Pod, PodSpec, PodStatus } from '../pod-types.ts';
import { adoptRecords } from './adopt.ts';
import { afterTry, delayAfter, NO_BACKOFF, renderDuration } from './backoff.ts';
import { type ContainerFacts, decidePod, type PodPlan } from './decide.ts';
import { podHostname, renderHosts } from './pod-files.ts';
import { qosClass } from './qos.ts';
import { newRecord } from './record.ts';
import { createSlots } from './slots.ts';
import { renderPodStatus } from './status.ts';

const c = (name: string, more: Partial<Container> = {}): Container => ({ name, image: 'i', ...more });
const sidecar = (name: string) => c(name, { restartPolicy: 'Always' });
const absent: ContainerFacts = { phase: 'absent', isStarted: false };
const running: ContainerFacts = { phase: 'running', isStarted: true };
const starting: ContainerFacts = { phase: 'running', isStarted: false };
const busy: ContainerFacts = { phase: 'busy', isStarted: false };
const exited = (exitCode: number, startAfterMs?: number): ContainerFacts => ({
  phase: 'exited',
  exitCode,
  isStarted: false,
  ...(startAfterMs === undefined ? {} : { startAfterMs }),
});

test('what starts when', () => {
  const two = { containers: [c('a'), c('b')] };
  const holding = { containers: [c('a', { lifecycle: { postStart: { exec: { command: ['wait'] } } } }), c('b')] };
  const withInit = { initContainers: [c('i'), sidecar('s'), c('j')], containers: [c('a')] };
  type Row = [title: string, spec: PodSpec, facts: Record<string, ContainerFacts>, expected: PodPlan];
  const rows: Row[] = [
    ['all at once', two, {}, { start: ['a', 'b'], isInitialized: true }],
    ['a postStart holds what comes after', holding, {}, { start: ['a'], isInitialized: true }],
    ['until it has ended', holding, { a: busy }, { start: [], isInitialized: true }],
    ['after its end too', holding, { a: exited(1), b: exited(1) }, { start: ['a'], isInitialized: true }],
    ['but not while it waits', holding, { a: { ...absent, startAfterMs: 5000 } }, { start: ['b'], isInitialized: true, wakeAtMs: 5000 }],
    ['and no longer', holding, { a: starting }, { start: ['b'], isInitialized: true }],
    ['none twice', two, { a: busy, b: running }, { start: [], isInitialized: true }],
    ['restart at once', two, { a: exited(1), b: running }, { start: ['a'], isInitialized: true }],
    ['restart later', two, { a: exited(0, 2000), b: running }, { start: [], isInitialized: true, wakeAtMs: 2000 }],
    ['restart now that it is later', two, { a: exited(0, 900), b: running }, { start: ['a'], isInitialized: true }],
    [
      'failed start waits',
      two,
      { a: { ...absent, startAfterMs: 5000 }, b: exited(1, 3000) },
      { start: [], isInitialized: true, wakeAtMs: 3000 },
    ],
    // restart policies
    [
      'Never: all well',
      { ...two, restartPolicy: 'Never' },
      { a: exited(0), b: exited(0) },
      { start: [], isInitialized: true, outcome: 'Succeeded' },
    ],
    [
      'Never: one failed',
      { ...two, restartPolicy: 'Never' },
      { a: exited(0), b: exited(3) },
      { start: [], isInitialized: true, outcome: 'Failed' },
    ],
    ['Never: one still runs', { ...two, restartPolicy: 'Never' }, { a: exited(3), b: running }, { start: [], isInitialized: true }],
    [
      'OnFailure: one to do again',
      { ...two, restartPolicy: 'OnFailure' },
      { a: exited(0), b: exited(3) },
      { start: ['b'], isInitialized: true },
    ],
    [
      'OnFailure: done',
      { ...two, restartPolicy: 'OnFailure' },
      { a: exited(0), b: exited(0) },
      { start: [], isInitialized: true, outcome: 'Succeeded' },
    ],
    // init containers and sidecars
    ['init first', withInit, {}, { start: ['i'], isInitialized: false }],
    ['init again', withInit, { i: exited(1, 1500) }, { start: [], isInitialized: false, wakeAtMs: 1500 }],
    [
      'init failed for good',
      { ...withInit, restartPolicy: 'Never' },
      { i: exited(1) },
      { start: [], isInitialized: false, outcome: 'Failed' },
    ],
    ['then the sidecar', withInit, { i: exited(0) }, { start: ['s'], isInitialized: false }],
    ['which must be started', withInit, { i: exited(0), s: starting }, { start: [], isInitialized: false }],
    ['then the next init', withInit, { i: exited(0), s: running }, { start: ['j'], isInitialized: false }],
    ['sidecar died meanwhile', withInit, { i: exited(0), s: exited(1), j: running }, { start: ['s'], isInitialized: false }],
    ['then the main ones', withInit, { i: exited(0), s: running, j: exited(0) }, { start: ['a'], isInitialized: true }],
    [
      'sidecar restarts beside them',
      withInit,
      { i: exited(0), s: exited(1), j: exited(0), a: running },
      { start: ['s'], isInitialized: true },
    ],
    [
      'and does not hold up their restart',
      withInit,
      { i: exited(0), s: starting, j: exited(0), a: exited(1) },
      { start: ['a'], isInitialized: true },
    ],
    [
      'sidecars restart even if the pod never does',
      { ...withInit, restartPolicy: 'Never' },
      { i: exited(0), s: exited(0), j: exited(0), a: running },
      { start: ['s'], isInitialized: true },
    ],
    [
      'the end does not wait for sidecars',
      { ...withInit, restartPolicy: 'Never' },
      { i: exited(0), s: running, j: exited(0), a: exited(0) },
      { start: [], isInitialized: true, outcome: 'Succeeded' },
    ],
  ];
  for (const [title, spec, facts, expected] of rows)
    assert.deepEqual(decidePod(spec, new Map(Object.entries(facts)), 1000), expected, title);
});

test('back-off: at once, 10 s, doubling to 5 min, forgotten after a long run', () => {
  const delays: number[] = [];
  let backoff = NO_BACKOFF;
  let nowMs = 0;
  for (let run = 0; run < 8; run++) {
    nowMs += 1000;
    const delay = delayAfter(backoff, nowMs);
    delays.push(delay / 1000);
    backoff = afterTry(backoff, nowMs, nowMs + delay);
    nowMs += delay;
  }
  assert.deepEqual(delays, [0, 10, 20, 40, 80, 160, 300, 300]);
  assert.equal(delayAfter(backoff, nowMs + 599_000), 300_000);
  assert.equal(delayAfter(backoff, nowMs + 601_000), 0);
  for (const [ms, text] of [
    [10_000, '10s'],
    [80_000, '1m20s'],
    [300_000, '5m0s'],
  ] as const)
    assert.equal(renderDuration(ms), text);
});

test('quality of service', () => {
  const limited = (limits?: Record<string, string>, requests?: Record<string, string>) =>
    c('a', { resources: { ...(limits ? { limits } : {}), ...(requests ? { requests } : {}) } });
  const full = { cpu: '1', memory: '1Gi' };
  const rows: [containers: Container[], expected: string][] = [
    [[c('a')], 'BestEffort'],
    [[limited(full)], 'Guaranteed'],
    [[limited(full, { cpu: '1000m', memory: '1024Mi' })], 'Guaranteed'],
    [[limited(full, { cpu: '500m' })], 'Burstable'],
    [[limited({ cpu: '1' })], 'Burstable'],
    [[limited(full), c('b')], 'Burstable'],
    [[limited(undefined, { memory: '1Mi' })], 'Burstable'],
    [[limited({ 'example.com/gpu': '1' })], 'BestEffort'],
  ];
  for (const [containers, expected] of rows) assert.equal(qosClass({ containers }), expected);
});

const pod = (spec: PodSpec, status?: PodStatus): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'n', uid: 'u' },
  spec,
  ...(status === undefined ? {} : { status }),
});

test('status: conditions keep their times, others keep their conditions', () => {
  const spec: PodSpec = { containers: [c('a')], readinessGates: [{ conditionType: 'example.com/gate' }] };
  const record = newRecord('a', 'i', undefined, 'ContainerCreating');
  const render = (before: PodStatus, now: string, more: object = {}) =>
    renderPodStatus({
      pod: pod(spec, before),
      records: new Map([['a', record]]),
      hostIPs: ['1.1.1.1'],
      podIPs: ['10.0.0.1', 'fd00::1'],
      isPlaced: true,
      isInitialized: true,
      startTime: 'T0',
      outcome: undefined,
      now,
      ...more,
    });
  const first = render({ conditions: [{ type: 'PodScheduled', status: 'True', lastTransitionTime: 'T0' }] }, 'T1');
  assert.equal(first.phase, 'Pending');
  assert.deepEqual(first.containerStatuses?.[0]?.state, { waiting: { reason: 'ContainerCreating' } });
  assert.deepEqual(
    [first.podIP, first.podIPs, first.hostIP, first.startTime, first.qosClass],
    ['10.0.0.1', [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }], '1.1.1.1', 'T0', 'BestEffort'],
  );

  Object.assign(record, { state: { running: { startedAt: 'T2' } }, containerId: 'palisade://x', isStarted: true, isProbedReady: true });
  const gated = render(first, 'T2');
  assert.equal(gated.phase, 'Running');
  const find = (status: PodStatus, type: string) => status.conditions?.find((each) => each.type === type);
  assert.deepEqual(find(gated, 'ContainersReady'), {
    lastProbeTime: null,
    type: 'ContainersReady',
    status: 'True',
    lastTransitionTime: 'T2',
  });
  assert.deepEqual(
    [find(gated, 'Ready')?.reason, find(gated, 'Ready')?.message],
    ['ReadinessGatesNotReady', 'the status of pod readiness gate "example.com/gate" is not "True", but Unknown'],
  );

  const gate = { type: 'example.com/gate', status: 'True', lastTransitionTime: 'T3' } as const;
  const ready = render({ ...gated, conditions: [...gated.conditions!, gate] }, 'T4');
  assert.deepEqual(find(ready, 'Ready'), { lastProbeTime: null, type: 'Ready', status: 'True', lastTransitionTime: 'T4' });
  assert.deepEqual(find(ready, 'example.com/gate'), gate);
  assert.equal(find(ready, 'ContainersReady')?.lastTransitionTime, 'T2');
  assert.equal(find(ready, 'PodScheduled')?.lastTransitionTime, 'T0');

  const failed = render(ready, 'T5', { outcome: 'Failed', isPlaced: false, reason: 'DeadlineExceeded', message: 'late' });
  assert.deepEqual([failed.phase, failed.reason, failed.message], ['Failed', 'DeadlineExceeded', 'late']);
  assert.equal(find(failed, 'Ready')?.reason, 'PodFailed');
});

test('a pod of an earlier life', () => {
  const status = (name: string, state: ContainerStatus['state'], restartCount = 2): ContainerStatus => ({
    name,
    state,
    lastState: {},
    ready: false,
    restartCount,
    image: 'i',
    imageID: 'x',
    containerID: `palisade://${name}`,
    started: false,
  });
  const done = { terminated: { exitCode: 0, reason: 'Completed' } };
  const up = { running: { startedAt: 'T' } };
  const spec: PodSpec = { initContainers: [c('init')], containers: [c('a'), c('b')] };
  const life: PodStatus = { initContainerStatuses: [status('init', done, 0)], containerStatuses: [status('a', up), status('b', done)] };

  const always = adoptRecords(pod({ ...spec, restartPolicy: 'Always' }, life));
  assert.deepEqual([always.get('init')?.containerId, always.get('init')?.restartCount], [undefined, 1]);
  // Running before: lost, started again as a restart. Ended before: stays ended until decided otherwise.
  assert.deepEqual(
    [always.get('a')?.restartCount, always.get('a')?.lastState.terminated?.reason, always.get('a')?.state.waiting?.reason],
    [3, 'ContainerStatusUnknown', 'PodInitializing'],
  );
  assert.deepEqual([always.get('b')?.restartCount, always.get('b')?.state], [2, done]);

  const never = adoptRecords(pod({ ...spec, restartPolicy: 'Never' }, life));
  assert.deepEqual(never.get('init')?.state, done);
  assert.deepEqual([never.get('a')?.state.terminated?.exitCode, never.get('a')?.state.terminated?.reason], [137, 'ContainerStatusUnknown']);

  const fresh = adoptRecords(pod(spec));
  assert.deepEqual(
    [...fresh.values()].map(({ state, restartCount }) => [state.waiting?.reason, restartCount]),
    [
      ['PodInitializing', 0],
      ['PodInitializing', 0],
      ['PodInitializing', 0],
    ],
  );
});

test('host names and hosts files', () => {
  assert.equal(podHostname(pod({ containers: [] }), 'node1'), 'p');
  assert.equal(podHostname(pod({ containers: [], hostname: 'h' }), 'node1'), 'h');
  assert.equal(podHostname(pod({ containers: [], hostNetwork: true }), 'node1'), 'node1');
  const long = pod({ containers: [] });
  long.metadata.name = `${'x'.repeat(62)}-yyyy`;
  assert.equal(podHostname(long, 'node1'), 'x'.repeat(62));
  const hosts = renderHosts(pod({ containers: [] }), 'p', ['10.0.0.1', 'fd00::1'], 'cluster.local');
  assert.match(hosts, /^127\.0\.0\.1\tlocalhost$/m);
  assert.match(hosts, /^10\.0\.0\.1\tp$/m);
  assert.match(hosts, /^fd00::1\tp$/m);
});

test('slots: never more at once than allowed, and none lost by a failure', async () => {
  const slots = createSlots(2);
  let now = 0;
  let most = 0;
  const results = await Promise.allSettled(
    Array.from({ length: 20 }, (_, index) =>
      slots.run(async () => {
        most = Math.max(most, ++now);
        await new Promise((resolve) => setImmediate(resolve));
        now -= 1;
        if (index % 3 === 0) throw new Error('no');
        return index;
      }),
    ),
  );
  assert.equal(most, 2);
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 13);
});
