import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFakeClock } from '@palisade/kubernetes/testing';
import type { PodSandbox } from '../../../contract.ts';
import type { Pod } from '../pod-types.ts';
import type { NodeContext } from './context.ts';
import { PodPlace } from './place.ts';

test('a pod whose object goes while its network is being made leaves no network behind', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'palisade-place-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { promise: made, resolve: finish } = Promise.withResolvers<PodSandbox>();
  const removed: string[] = [];
  const node = { name: 'node1', addresses: ['172.30.0.11'], podCIDRs: [] };
  const context = {
    ...{ stateDir: folder, machine: { runDir: folder }, clock: createFakeClock(), hostPathRoots: [] },
    ...{ config: () => ({}), resolvConf: () => '', startSlots: { run: (act: () => Promise<unknown>) => act() } },
    network: { node, addPod: () => made, removePod: async (uid: string) => void removed.push(uid) },
  } as unknown as NodeContext;
  const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'n', uid: 'u' }, spec: { containers: [] } };
  const place = new PodPlace(context, pod);
  const making = place.make({ pod, nodeName: 'node1', hostIPs: [], podIPs: [], nodeCapacity: { cpu: 1, memoryBytes: 1 } });
  const releasing = place.release();
  finish({ podUid: 'u', netns: 'pod-u', podIPs: ['10.244.1.2', 'fd00:244:1::2'] });
  await Promise.all([making, releasing]);
  assert.deepEqual(removed, ['u']);
});
