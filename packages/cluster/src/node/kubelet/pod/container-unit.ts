import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { sleep } from '@palisade/kubernetes/client';
import { PROXY_CONTAINER } from '../../../contract.ts';
import { ImageConfigError, ImageNotFoundError } from '../../../images/index.ts';
import { ContainerConfigError } from '../env/fields.ts';
import { removeLog } from '../logs/container-log.ts';
import { type Container, isSidecar } from '../pod-types.ts';
import { runHook } from '../probes/attempt.ts';
import { startProbes } from '../probes/prober.ts';
import { removeTree } from '../runtime/remove-tree.ts';
import { SecurityContextError } from '../runtime/security.ts';
import { afterTry, type Backoff, delayAfter, NO_BACKOFF, renderDuration } from './backoff.ts';
import { podLabel } from './context.ts';
import { type ContainerInstance, containerId, startInstance, wireTime } from './instance.ts';
import { prepareContainer } from './prepare-container.ts';
import { type ContainerRecord, endOf, type Terminated } from './record.ts';
import { stopInstance } from './stop.ts';
import { podEndpoint, podEnvironment, probeAccess, type UnitHost } from './unit-host.ts';

const CONFIG_RETRY_MS = 10_000;
/** How long ErrImagePull stands before it turns into ImagePullBackOff. */
const PULL_ERROR_MS = 1500;
const HOOK_TIMEOUT_MS = 120_000;

/** One container of a pod over all its runs: starts it, watches over it, stops it. When it starts is the worker's decision. */
export class ContainerUnit {
  readonly #host: UnitHost;
  #container: Container;
  readonly record: ContainerRecord;
  instance: ContainerInstance | undefined;
  #logPath: string | undefined;
  #previousLogPath: string | undefined;
  #stopProbes: (() => void) | undefined;
  #busy: Promise<void> = Promise.resolve();
  #mayStart = true;
  #pullBackoff: Backoff = NO_BACKOFF;

  constructor(host: UnitHost, container: Container, record: ContainerRecord) {
    this.#host = host;
    this.#container = container;
    this.record = record;
  }

  get container(): Container {
    return this.#container;
  }

  /** The only thing about a container that may change in a living pod is its image: a new one means a new run. */
  update(container: Container): void {
    const before = this.#container.image;
    this.#container = container;
    if (container.image === before) return;
    this.record.image = container.image;
    this.record.startAfterMs = undefined;
    void this.stop(this.#graceMs(), new AbortController().signal, `Container ${container.name} definition changed, will be restarted`);
  }

  /** Path of the present (or last) run's log, or of the one before it. */
  logPath(previous: boolean): string | undefined {
    return previous ? this.#previousLogPath : this.#logPath;
  }

  /** No start begins after this; one under way is let finish. */
  forbidStart(): void {
    this.#mayStart = false;
  }

  settled(): Promise<void> {
    return this.#busy;
  }

  /** Something it waited for may be there now: start failures are tried again, crashes keep their back-off. */
  retry(): void {
    const reason = this.record.state.waiting?.reason;
    if (reason === 'CreateContainerConfigError') this.record.startAfterMs = undefined;
  }

  start(): void {
    if (!this.#mayStart || this.record.isBusy || this.instance !== undefined) return;
    this.record.isBusy = true;
    this.#busy = this.#host.context.startSlots
      .run(() => this.#start())
      .catch((error: unknown) => this.#startFailed('RunContainerError', (error as Error).message))
      .finally(() => {
        this.record.isBusy = false;
        this.#host.changed();
      });
  }

  /** Resolves when it does not run. */
  async stop(graceMs: number, hurry: AbortSignal, why = `Stopping container ${this.#container.name}`): Promise<void> {
    const { instance } = this;
    this.#stopProbes?.();
    if (instance === undefined) return;
    const { context, pod } = this.#host;
    context.events.event(pod, 'Normal', 'Killing', why);
    await stopInstance(context, this.#container, instance, probeAccess(this.#host, this.#container, instance), {
      graceMs,
      hurry,
      hookFailed: (error) => context.events.event(pod, 'Warning', 'FailedPreStopHook', error.message),
      survived: () =>
        context.events.event(
          pod,
          'Warning',
          'FailedKillPod',
          `error killing pod: container ${this.#container.name} does not end: a process of it waits for what another container holds`,
        ),
    });
  }

  async #start(): Promise<void> {
    if (!this.#mayStart) return;
    const { context, pod, place } = this.#host;
    const container = this.#container;
    try {
      const pidNamespace = this.#host.pidNamespace(container);
      const image = await context.images.find(container.image);
      context.events.event(pod, 'Normal', 'Pulled', `Container image "${container.image}" already present on machine`);
      this.#pullBackoff = NO_BACKOFF;
      const folder = join(place.memoryDir, 'containers', container.name);
      await removeTree(folder);
      const prepared = prepareContainer({
        pod,
        container,
        image,
        machine: context.machine,
        folder,
        podFiles: place.files!,
        hostname: place.hostname,
        volumeFolder: place.volumeFolder,
        podEnv: podEnvironment(this.#host, container),
      });
      context.events.event(pod, 'Normal', 'Created', `Created container: ${container.name}`);
      const id = randomBytes(32).toString('hex');
      const end = endOf(this.record);
      const isRestart = this.record.containerId !== undefined;
      if (isRestart) this.record.restartCount += 1;
      const logPath = join(place.diskDir, container.name, `${this.record.restartCount}.log`);
      const instance = await startInstance({
        context,
        pod,
        container,
        image,
        prepared,
        id,
        netns: (container.name === PROXY_CONTAINER ? place.sandbox!.proxyNetns : undefined) ?? place.sandbox!.netns,
        pidNamespace,
        logPath,
        endpoint: podEndpoint(this.#host),
      });
      // Only this run's log and the one before it can be asked for.
      if (this.#previousLogPath !== undefined) removeLog(this.#previousLogPath);
      this.#previousLogPath = this.#logPath;
      this.#logPath = logPath;
      this.#began(instance, image.id, end);
    } catch (error) {
      if (error instanceof ImageNotFoundError) this.#pullFailed(error);
      else if (error instanceof ContainerConfigError || error instanceof SecurityContextError || error instanceof ImageConfigError) {
        context.events.event(pod, 'Warning', 'Failed', `Error: ${error.message}`);
        this.#wait('CreateContainerConfigError', error.message, CONFIG_RETRY_MS);
      } else throw error;
    }
  }

  #began(instance: ContainerInstance, imageId: string, end: Terminated | undefined): void {
    const { context, pod } = this.#host;
    const { record } = this;
    this.instance = instance;
    if (end !== undefined) record.lastState = { terminated: end };
    record.state = { running: { startedAt: wireTime(instance.startedAt) } };
    record.containerId = containerId(instance.id);
    record.imageId = imageId;
    record.startAfterMs = undefined;
    record.isStarted = false;
    record.isProbedReady = false;
    record.isInHook = this.#container.lifecycle?.postStart !== undefined;
    context.events.event(pod, 'Normal', 'Started', `Started container ${this.#container.name}`);
    void instance.ended.then((terminated) => this.#ended(instance, terminated));
    void this.#afterStart(instance);
  }

  /** postStart runs beside the program; until it is done the container does not count as started (kubelet waits likewise). */
  async #afterStart(instance: ContainerInstance): Promise<void> {
    const { context, pod } = this.#host;
    const postStart = this.#container.lifecycle?.postStart;
    if (postStart) {
      try {
        await runHook(probeAccess(this.#host, this.#container, instance), postStart, HOOK_TIMEOUT_MS, (ms) => sleep(context.clock, ms));
      } catch (error) {
        context.events.event(pod, 'Warning', 'FailedPostStartHook', (error as Error).message);
        // A run that has ended fails its hook too, and must not take the next one with it.
        if (this.instance === instance) await this.stop(this.#graceMs(), new AbortController().signal, 'FailedPostStartHook');
        return;
      }
    }
    if (this.instance !== instance) return;
    if (this.record.isInHook) {
      this.record.isInHook = false;
      this.#host.changed();
    }
    this.#stopProbes = startProbes(this.#container, probeAccess(this.#host, this.#container, instance), context.clock, {
      started: () => this.#set({ isStarted: true }),
      ready: (isProbedReady) => this.#set({ isProbedReady }),
      failed: (kind, result) => context.events.event(pod, 'Warning', 'Unhealthy', `${kind} probe failed: ${result.message}`),
      unhealthy: (kind, probe) => {
        const grace = probe.terminationGracePeriodSeconds;
        const why = `Container ${this.#container.name} failed ${kind.toLowerCase()} probe, will be restarted`;
        void this.stop(grace === undefined ? this.#graceMs() : grace * 1000, new AbortController().signal, why);
      },
    });
  }

  #set(change: Partial<Pick<ContainerRecord, 'isStarted' | 'isProbedReady'>>): void {
    Object.assign(this.record, change);
    this.#host.changed();
  }

  #ended(instance: ContainerInstance, terminated: Terminated): void {
    if (this.instance !== instance) return;
    const { context, pod } = this.#host;
    const { record } = this;
    this.#stopProbes?.();
    this.#stopProbes = undefined;
    this.instance = undefined;
    record.isInHook = false;
    record.isStarted = false;
    record.isProbedReady = false;
    record.state = { terminated };
    if (terminated.reason === 'StartError') context.events.event(pod, 'Warning', 'Failed', `Error: ${terminated.message}`);
    if (!this.#host.isTerminating && this.#willRestart(terminated.exitCode)) this.#backOff(terminated);
    this.#host.changed();
  }

  #willRestart(exitCode: number): boolean {
    if (isSidecar(this.#container)) return true;
    const { spec } = this.#host.pod;
    if (spec.ephemeralContainers?.some(({ name }) => name === this.#container.name)) return false;
    const policy = spec.restartPolicy ?? 'Always';
    const isInit = spec.initContainers?.some(({ name }) => name === this.#container.name) ?? false;
    if (exitCode === 0) return policy === 'Always' && !isInit;
    return policy !== 'Never';
  }

  #backOff(terminated: Terminated): void {
    const { context, pod } = this.#host;
    const { record } = this;
    const nowMs = context.clock.now().getTime();
    const delayMs = delayAfter(record.backoff, nowMs);
    record.backoff = afterTry(record.backoff, nowMs, nowMs + delayMs);
    record.startAfterMs = nowMs + delayMs;
    if (delayMs === 0) return;
    const message = `back-off ${renderDuration(delayMs)} restarting failed container=${this.#container.name} pod=${podLabel(pod)}`;
    record.lastState = { terminated };
    record.state = { waiting: { reason: 'CrashLoopBackOff', message } };
    context.events.event(pod, 'Warning', 'BackOff', `Back-off restarting failed container ${this.#container.name} in pod ${podLabel(pod)}`);
  }

  #pullFailed(error: ImageNotFoundError): void {
    const { context, pod } = this.#host;
    const { image } = this.#container;
    const nowMs = context.clock.now().getTime();
    if (error.reason === 'InvalidImageName') {
      context.events.event(pod, 'Warning', 'InspectFailed', error.message);
      this.#wait('InvalidImageName', error.message, 60_000);
      return;
    }
    this.#pullBackoff = afterTry(this.#pullBackoff, nowMs, nowMs);
    const { delayMs } = this.#pullBackoff;
    context.events.event(pod, 'Warning', 'Failed', `Failed to pull image "${image}": ${error.message}`);
    context.events.event(pod, 'Warning', 'Failed', 'Error: ErrImagePull');
    this.#wait('ErrImagePull', error.message, delayMs);
    context.clock.after(PULL_ERROR_MS, () => {
      if (this.record.state.waiting?.reason !== 'ErrImagePull') return;
      this.record.state = {
        waiting: { reason: 'ImagePullBackOff', message: `Back-off pulling image "${image}": ErrImagePull: ${error.message}` },
      };
      context.events.event(pod, 'Normal', 'BackOff', `Back-off pulling image "${image}"`);
      context.events.event(pod, 'Warning', 'Failed', 'Error: ImagePullBackOff');
      this.#host.changed();
    });
  }

  #startFailed(reason: string, message: string): void {
    const { context, pod } = this.#host;
    context.events.event(pod, 'Warning', 'Failed', `Error: ${message}`);
    const nowMs = context.clock.now().getTime();
    this.record.backoff = afterTry(this.record.backoff, nowMs, nowMs);
    this.#wait(reason, message, this.record.backoff.delayMs);
  }

  #wait(reason: string, message: string, delayMs: number): void {
    this.record.state = { waiting: { reason, message } };
    this.record.startAfterMs = this.#host.context.clock.now().getTime() + delayMs;
  }

  #graceMs(): number {
    return (this.#host.pod.spec.terminationGracePeriodSeconds ?? 30) * 1000;
  }
}
