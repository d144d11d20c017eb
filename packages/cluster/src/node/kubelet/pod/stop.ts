import { sleep } from '@palisade/kubernetes/client';
import type { Container } from '../pod-types.ts';
import { type ProbeAccess, runHook } from '../probes/attempt.ts';
import type { NodeContext } from './context.ts';
import type { ContainerInstance } from './instance.ts';

export interface StopRequest {
  readonly graceMs: number;
  /** Aborts the waiting: kill now. */
  readonly hurry: AbortSignal;
  /** Told when a preStop hook fails. */
  hookFailed(error: Error): void;
}

/** After SIGTERM at least this long before SIGKILL, even when the hook used up the whole grace (kubelet's minimum). */
const MINIMUM_GRACE_MS = 2000;

/** Pod lifecycle, "Termination of Pods": preStop, then the stop signal to the program, then SIGKILL to all. Resolves when it is gone. */
export async function stopInstance(
  context: NodeContext,
  container: Container,
  instance: ContainerInstance,
  access: ProbeAccess,
  request: StopRequest,
): Promise<void> {
  const { clock } = context;
  const deadlineMs = clock.now().getTime() + request.graceMs;
  const gone = instance.ended.then(() => {});
  const preStop = container.lifecycle?.preStop;
  if (preStop && request.graceMs > 0 && !request.hurry.aborted) {
    const hook = runHook(access, preStop, request.graceMs, (ms) => sleep(clock, ms, request.hurry)).catch(request.hookFailed);
    await Promise.race([hook, gone, sleep(clock, request.graceMs, request.hurry)]);
  }
  if (request.graceMs > 0 && !request.hurry.aborted) {
    instance.running.signal(instance.image.definition.stopSignal ?? 'SIGTERM');
    const left = Math.max(deadlineMs - clock.now().getTime(), Math.min(request.graceMs, MINIMUM_GRACE_MS));
    await Promise.race([gone, sleep(clock, left, request.hurry)]);
  }
  if (instance.running.isRunning()) instance.running.kill();
  await gone;
}
