import { isDeepStrictEqual } from 'node:util';
import { type ApiClient, isStatusError, PatchType } from '@palisade/kubernetes';
import type { Clock } from '@palisade/kubernetes/client';
import { sleep } from '@palisade/kubernetes/client';
import type { Pod, PodStatus } from '../pod-types.ts';

export const PODS = { group: '', version: 'v1', resource: 'pods' } as const;

/** Brings one pod's status to the API server: the newest only, one write at a time, nothing when nothing changed. */
export interface StatusWriter {
  /** `render` gets the status written last (or found at the start) to keep times from. */
  request(render: (before: PodStatus) => PodStatus): void;
  /** Resolves when the last requested status is written or the pod is gone. */
  flush(): Promise<void>;
  /** What was written last. */
  readonly last: () => PodStatus;
}

/** Containers of a pod start within a few milliseconds of each other: one write for all. */
const GATHER_MS = 10;
const RETRY_MS = 1000;

export function createStatusWriter(client: ApiClient, clock: Clock, pod: Pod, onError: (error: unknown) => void): StatusWriter {
  const { name = '', namespace = '', uid } = pod.metadata;
  let last: PodStatus = pod.status ?? {};
  let pending: ((before: PodStatus) => PodStatus) | undefined;
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    await sleep(clock, GATHER_MS);
    while (pending !== undefined) {
      const render = pending;
      pending = undefined;
      const next = render(last);
      if (isDeepStrictEqual(next, last)) continue;
      try {
        // Fields that were set once and no longer are must be named to go away.
        const gone = Object.fromEntries(
          Object.keys(last)
            .filter((key) => !(key in next))
            .map((key) => [key, null]),
        );
        await client.patch(
          PODS,
          { namespace, name },
          PatchType.merge,
          { metadata: { uid }, status: { ...gone, ...next } },
          { subresource: 'status' },
        );
        last = next;
      } catch (error) {
        if (isStatusError(error, 'NotFound') || isStatusError(error, 'Conflict')) return;
        onError(error);
        pending ??= render;
        await sleep(clock, RETRY_MS);
      }
    }
  }

  return {
    request(render) {
      pending = render;
      running ??= run().finally(() => {
        running = undefined;
      });
    },
    flush: async () => {
      while (running !== undefined) await running;
    },
    last: () => last,
  };
}
