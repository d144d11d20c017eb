import { isStatusError } from '@palisade/kubernetes';
import { sleep } from '@palisade/kubernetes/client';
import type { Pod } from '../pod-types.ts';
import type { NodeContext } from './context.ts';
import { PODS } from './status-writer.ts';

const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 10_000;

/** Lets a deleted pod's object go, now that nothing of it runs. Tries until it is gone, somebody else's, or `signal` aborts. */
export async function removePodObject(context: NodeContext, pod: Pod, signal: AbortSignal): Promise<void> {
  const { namespace = '', name = '', uid = '' } = pod.metadata;
  for (let waitMs = FIRST_RETRY_MS; !signal.aborted; waitMs = Math.min(waitMs * 2, MAX_RETRY_MS)) {
    try {
      await context.client.delete(PODS, { namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid } });
      return;
    } catch (error) {
      if (isStatusError(error, 'NotFound') || isStatusError(error, 'Conflict')) return;
      context.log('warn', `deletion of pod ${namespace}/${name}: ${String(error)}`);
      await sleep(context.clock, waitMs, signal);
    }
  }
}
