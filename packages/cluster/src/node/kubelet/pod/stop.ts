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
  /** Told when a process is still there after it was killed. */
  survived(): void;
}

/**
 * Nothing outlives SIGKILL but a process that waits in the kernel for what another container holds, such as a pipe in a shared volume. That one may be
 * stopped only after this one: it is not waited for any longer.
 */
const KILL_MS = 10_000;

/** After SIGTERM at least this long before SIGKILL, even when the hook used up the whole grace (kubelet's minimum). */
const MINIMUM_GRACE_MS = 2000;

/** Pod lifecycle, "Termination of Pods": preStop, then the stop signal to the program, then SIGKILL to all. Resolves when it is gone, or survived that. */
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
  const over = new AbortController();
  const isGone = await Promise.race([gone.then(() => true), sleep(clock, KILL_MS, over.signal).then(() => false)]);
  over.abort();
  if (!isGone) request.survived();
}
