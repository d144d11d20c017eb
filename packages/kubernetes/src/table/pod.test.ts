import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { created, row } from './testing/row.ts';

describe('pods', () => {
  const running = { ready: true, restartCount: 0, state: { running: {} } };
  const spec = { containers: [{ name: 'a' }, { name: 'b' }], nodeName: 'n1' };
  const pod = (status: unknown, metadata = {}, more = {}): unknown[] =>
    row('v1', 'Pod', { spec: { ...spec, ...more }, status }, metadata).slice(1, 4);
  const rows: [name: string, cells: unknown[], found: unknown[]][] = [
    ['not yet scheduled', ['0/2', 'Pending', '0'], pod({ phase: 'Pending' })],
    ['running', ['2/2', 'Running', '0'], pod({ phase: 'Running', containerStatuses: [running, running] })],
    [
      'waiting for an image',
      ['1/2', 'ErrImagePull', '0'],
      pod({ phase: 'Pending', containerStatuses: [running, { state: { waiting: { reason: 'ErrImagePull' } } }] }),
    ],
    [
      'the first container names the reason',
      ['0/2', 'CrashLoopBackOff', '0'],
      pod({
        phase: 'Running',
        containerStatuses: [{ state: { waiting: { reason: 'CrashLoopBackOff' } } }, { state: { waiting: { reason: 'Error' } } }],
      }),
    ],
    [
      'restarted',
      ['2/2', 'Running', '3 (30m ago)'],
      pod({
        phase: 'Running',
        containerStatuses: [running, { ...running, restartCount: 3, lastState: { terminated: { finishedAt: '2026-01-01T00:30:00Z' } } }],
      }),
    ],
    ['exit code', ['0/2', 'ExitCode:7', '0'], pod({ phase: 'Failed', containerStatuses: [{ state: { terminated: { exitCode: 7 } } }] })],
    [
      'signal',
      ['0/2', 'Signal:9', '0'],
      pod({ phase: 'Failed', containerStatuses: [{ state: { terminated: { exitCode: 137, signal: 9 } } }] }),
    ],
    [
      'completed beside a running one',
      ['1/2', 'Running', '0'],
      pod({
        phase: 'Running',
        conditions: [{ type: 'Ready', status: 'True' }],
        containerStatuses: [{ state: { terminated: { exitCode: 0, reason: 'Completed' } } }, running],
      }),
    ],
    [
      'initialising',
      ['0/2', 'Init:1/2', '0'],
      pod(
        { phase: 'Pending', initContainerStatuses: [{ state: { terminated: { exitCode: 0 } } }, { state: { running: {} } }] },
        {},
        { initContainers: [{ name: 'i' }, { name: 'j' }] },
      ),
    ],
    [
      'init fails',
      ['0/2', 'Init:Error', '1'],
      pod(
        { phase: 'Pending', initContainerStatuses: [{ restartCount: 1, state: { terminated: { exitCode: 1, reason: 'Error' } } }] },
        {},
        { initContainers: [{ name: 'i' }] },
      ),
    ],
    [
      'a native sidecar counts',
      ['3/3', 'Running', '0'],
      pod(
        {
          phase: 'Running',
          initContainerStatuses: [{ name: 's', started: true, ready: true, state: { running: {} } }],
          containerStatuses: [running, running],
        },
        {},
        { initContainers: [{ name: 's', restartPolicy: 'Always' }] },
      ),
    ],
    [
      'terminating',
      ['2/2', 'Terminating', '0'],
      pod({ phase: 'Running', containerStatuses: [running, running] }, { deletionTimestamp: created }),
    ],
    [
      'a finished pod under deletion stays what it is',
      ['0/2', 'Succeeded', '0'],
      pod({ phase: 'Succeeded' }, { deletionTimestamp: created }),
    ],
    ['evicted', ['0/2', 'Evicted', '0'], pod({ phase: 'Failed', reason: 'Evicted' })],
    [
      'gated',
      ['0/2', 'SchedulingGated', '0'],
      pod({ phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }] }),
    ],
  ];
  for (const [name, cells, found] of rows) test(name, () => assert.deepEqual(found, cells));

  test('wide columns', () => {
    const status = { phase: 'Running', podIPs: [{ ip: '10.0.0.5' }, { ip: 'fd00::5' }], conditions: [{ type: 'g', status: 'True' }] };
    assert.deepEqual(
      row('v1', 'Pod', { spec: { ...spec, readinessGates: [{ conditionType: 'g' }, { conditionType: 'h' }] }, status }).slice(4),
      ['60m', '10.0.0.5', 'n1', '<none>', '1/2'],
    );
  });
});
