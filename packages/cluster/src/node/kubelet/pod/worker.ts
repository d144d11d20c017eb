import { isDeepStrictEqual } from 'node:util';
import type { PodFacts } from '../env/fields.ts';
import { allContainers, type Container, isSidecar, type Pod } from '../pod-types.ts';
import { VolumeError } from '../volumes/volume-error.ts';
import { adoptRecords } from './adopt.ts';
import { ContainerUnit } from './container-unit.ts';
import type { NodeContext } from './context.ts';
import { decidePod } from './decide.ts';
import { wireTime } from './instance.ts';
import { joinedPidNamespace } from './pause.ts';
import { PodPlace } from './place.ts';
import { factsOf, firstRecord } from './record.ts';
import { removePodObject } from './remove-object.ts';
import { renderPodStatus, withForeignConditions } from './status.ts';
import { createStatusWriter, type StatusWriter } from './status-writer.ts';
import type { UnitHost } from './unit-host.ts';

/** A pod whose place cannot be made is tried again after this; doubling, to two minutes. */
const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 120_000;
const DEFAULT_GRACE_SECONDS = 30;

/**
 * Looks after one pod on this node from the moment it is seen until its object may go. All decisions are made in `#sync`, one at a time;
 * whatever happens meanwhile asks for another.
 */
export class PodWorker implements UnitHost {
  readonly context: NodeContext;
  readonly #units = new Map<string, ContainerUnit>();
  readonly #writer: StatusWriter;
  readonly #place: PodPlace;
  readonly #startTime: string;
  readonly #hurry = new AbortController();
  #pod: Pod;
  #isInitialized = false;
  #outcome: 'Succeeded' | 'Failed' | undefined;
  #reason: { reason: string; message: string } | undefined;
  #stopping: Promise<void> | undefined;
  #isReleased = false;
  #syncing: Promise<void> | undefined;
  #isDirty = false;
  #cancelWake: (() => void) | undefined;
  #retryMs = FIRST_RETRY_MS;
  #retryAtMs = 0;
  #isObjectGone = false;

  constructor(context: NodeContext, pod: Pod) {
    this.context = context;
    this.#pod = pod;
    this.#place = new PodPlace(context, pod);
    this.#writer = createStatusWriter(context.client, context.clock, pod, (error) =>
      context.log('warn', `status of pod ${pod.metadata.namespace}/${pod.metadata.name}: ${String(error)}`),
    );
    this.#startTime = pod.status?.startTime ?? wireTime(context.clock.now());
    const { phase } = pod.status ?? {};
    if (phase === 'Succeeded' || phase === 'Failed') {
      this.#outcome = phase;
      this.#isReleased = true;
    }
    const records = adoptRecords(pod);
    for (const container of allContainers(pod.spec))
      this.#units.set(container.name, new ContainerUnit(this, container, records.get(container.name)!));
    this.poke();
  }

  get pod(): Pod {
    return this.#pod;
  }

  get place(): PodPlace {
    return this.#place;
  }

  get isTerminating(): boolean {
    return this.#stopping !== undefined;
  }

  pidNamespace(container: Container): string | undefined {
    return joinedPidNamespace(container, this.#place, (name) => this.#units.get(name)?.instance);
  }

  unit(container: string): ContainerUnit | undefined {
    return this.#units.get(container);
  }

  get facts(): PodFacts {
    const { node } = this.context.network;
    return {
      pod: this.#pod,
      nodeName: node.name,
      hostIPs: node.addresses,
      podIPs: this.#place.podIPs,
      nodeCapacity: this.context.nodeCapacity,
    };
  }

  /** The object changed. */
  update(pod: Pod): void {
    const before = this.#pod.metadata.deletionGracePeriodSeconds;
    const grace = pod.metadata.deletionGracePeriodSeconds;
    if (before !== undefined && grace !== undefined && grace < before) this.context.clock.after(grace * 1000, () => this.#hurry.abort());
    if (!isDeepStrictEqual([this.#pod.metadata.labels, this.#pod.metadata.annotations], [pod.metadata.labels, pod.metadata.annotations]))
      this.#place.invalidate();
    this.#pod = pod;
    for (const container of allContainers(pod.spec)) {
      const unit = this.#units.get(container.name);
      if (unit !== undefined) unit.update(container);
      else this.#units.set(container.name, new ContainerUnit(this, container, firstRecord(container)));
    }
    this.poke();
  }

  /** ConfigMaps, Secrets or images may have changed: what waited for them is tried again now. */
  retry(): void {
    this.#retryAtMs = 0;
    for (const unit of this.#units.values()) unit.retry();
    this.#place.invalidate();
    this.poke();
  }

  /** The object is gone from the API: nothing to be polite for. */
  objectGone(): void {
    this.#isObjectGone = true;
    this.#hurry.abort();
    this.#beginStop(0);
  }

  /** The node stops: containers get `graceSeconds`, the object stays as it is. Resolves when nothing runs. */
  async shutdown(graceSeconds: number): Promise<void> {
    this.#isObjectGone = true;
    this.#beginStop(graceSeconds);
    await this.#stopping;
  }

  /** Resolves when the pod's containers are gone and its place is given back. */
  get done(): Promise<void> | undefined {
    return this.#stopping;
  }

  poke(): void {
    this.#isDirty = true;
    this.#syncing ??= this.#run().finally(() => {
      this.#syncing = undefined;
      if (this.#isDirty) this.poke();
    });
  }

  changed(): void {
    this.#requestStatus();
    this.poke();
  }

  async #run(): Promise<void> {
    await Promise.resolve();
    while (this.#isDirty) {
      this.#isDirty = false;
      try {
        await this.#sync();
      } catch (error) {
        this.context.log(
          'warn',
          `pod ${this.#pod.metadata.namespace}/${this.#pod.metadata.name}: ${(error as Error).stack ?? String(error)}`,
        );
        this.#wakeIn(MAX_RETRY_MS / 10);
      }
    }
  }

  async #sync(): Promise<void> {
    if (this.#isObjectGone || this.#stopping !== undefined) return;
    const { deletionTimestamp, deletionGracePeriodSeconds } = this.#pod.metadata;
    if (deletionTimestamp !== undefined) {
      this.#beginStop(deletionGracePeriodSeconds ?? this.#pod.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS);
      return;
    }
    if (this.#outcome !== undefined) return;
    const nowMs = this.context.clock.now().getTime();
    const deadlineMs = this.#deadlineMs();
    if (deadlineMs !== undefined && nowMs >= deadlineMs) {
      this.#reason = { reason: 'DeadlineExceeded', message: 'Pod was active on the node longer than the specified deadline' };
      return this.#finish('Failed');
    }
    if (!(await this.#makePlace(nowMs))) return;
    const facts = new Map([...this.#units].map(([name, unit]) => [name, factsOf(unit.record)]));
    const plan = decidePod(this.#pod.spec, facts, nowMs);
    this.#isInitialized = plan.isInitialized;
    if (plan.outcome !== undefined) return this.#finish(plan.outcome);
    for (const name of plan.start) this.#units.get(name)!.start();
    const wakes = [plan.wakeAtMs, this.#place.refreshAtMs, deadlineMs].filter((each) => each !== undefined);
    if (wakes.length > 0) this.#wakeIn(Math.min(...wakes) - nowMs);
    this.#requestStatus();
  }

  /** Network and volumes. @returns false when containers have to wait */
  async #makePlace(nowMs: number): Promise<boolean> {
    if (nowMs < this.#retryAtMs) {
      this.#wakeIn(this.#retryAtMs - nowMs);
      return this.#place.isComplete;
    }
    try {
      if (!this.#place.isComplete) this.#requestStatus();
      await this.#place.make(this.facts);
      this.#retryMs = FIRST_RETRY_MS;
      return true;
    } catch (error) {
      const reason = error instanceof VolumeError ? 'FailedMount' : 'FailedCreatePodSandBox';
      const text = error instanceof VolumeError ? error.message : `Failed to create pod sandbox: ${(error as Error).message}`;
      this.context.events.event(this.#pod, 'Warning', reason, text);
      this.#retryAtMs = nowMs + this.#retryMs;
      this.#wakeIn(this.#retryMs);
      this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS);
      this.#requestStatus();
      return this.#place.isComplete;
    }
  }

  async #finish(outcome: 'Succeeded' | 'Failed'): Promise<void> {
    // A pod deleted meanwhile waits for the same end.
    this.#stopping = this.#stopAll(this.#reason === undefined ? DEFAULT_GRACE_SECONDS : this.#grace(), outcome).then(() => {
      if (this.#isObjectGone) return;
      this.#stopping = undefined;
      this.poke();
    });
    await this.#stopping;
  }

  #grace(): number {
    return this.#pod.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS;
  }

  #beginStop(graceSeconds: number): void {
    const before = this.#stopping;
    if (before !== undefined && !this.#isObjectGone) return;
    this.#stopping = (async () => {
      await before;
      await this.#stopAll(graceSeconds, this.#outcome);
      if (!this.#isObjectGone) await removePodObject(this.context, this.#pod, this.#hurry.signal);
    })();
  }

  /** Main containers together, then sidecars from the last to the first; then the pod's place goes. */
  async #stopAll(graceSeconds: number, outcome: 'Succeeded' | 'Failed' | undefined): Promise<void> {
    if (this.#isReleased) return;
    this.#cancelWake?.();
    await this.#syncingStarts();
    const deadlineMs = this.context.clock.now().getTime() + graceSeconds * 1000;
    const stop = (container: Container) => {
      const left = Math.max(0, deadlineMs - this.context.clock.now().getTime());
      return this.#units.get(container.name)!.stop(graceSeconds === 0 ? 0 : Math.max(left, 1), this.#hurry.signal);
    };
    const inits = this.#pod.spec.initContainers ?? [];
    await Promise.all(
      allContainers(this.#pod.spec)
        .filter((each) => !isSidecar(each))
        .map(stop),
    );
    for (const sidecar of inits.filter(isSidecar).reverse()) await stop(sidecar);
    this.#isReleased = true;
    this.#outcome = outcome;
    this.#requestStatus();
    await this.#place.release();
    await this.#writer.flush();
  }

  /** A start under way has to end before its container can be stopped. */
  async #syncingStarts(): Promise<void> {
    for (const unit of this.#units.values()) unit.forbidStart();
    await Promise.all([...this.#units.values()].map((unit) => unit.settled()));
  }

  #requestStatus(): void {
    if (this.#isObjectGone) return;
    this.#writer.request((before) => {
      return renderPodStatus({
        pod: withForeignConditions(this.#pod, before),
        records: new Map([...this.#units].map(([name, unit]) => [name, unit.record])),
        hostIPs: this.context.network.node.addresses,
        podIPs: this.#place.podIPs.length > 0 ? this.#place.podIPs : (before.podIPs ?? []).map(({ ip }) => ip),
        isPlaced: this.#place.isComplete,
        isInitialized: this.#isInitialized,
        startTime: this.#startTime,
        outcome: this.#outcome,
        ...(this.#reason ?? {}),
        now: wireTime(this.context.clock.now()),
      });
    });
  }

  #deadlineMs(): number | undefined {
    const seconds = this.#pod.spec.activeDeadlineSeconds;
    return seconds === undefined ? undefined : Date.parse(this.#startTime) + seconds * 1000;
  }

  #wakeIn(ms: number): void {
    this.#cancelWake?.();
    this.#cancelWake = this.context.clock.after(Math.max(0, ms), () => this.poke());
  }
}
