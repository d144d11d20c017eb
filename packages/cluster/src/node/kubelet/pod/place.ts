import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { PodSandbox } from '../../../contract.ts';
import type { PodFacts } from '../env/fields.ts';
import type { Pod } from '../pod-types.ts';
import { removeTree } from '../runtime/remove-tree.ts';
import { planVolumes } from '../volumes/plan.ts';
import { PodVolumes } from '../volumes/pod-volumes.ts';
import { type NodeContext, podReference } from './context.ts';
import { type PauseProcess, startPause } from './pause.ts';
import { type PodFiles, podHostname, renderHosts, writePodFiles } from './pod-files.ts';

const CLUSTER_DOMAIN = 'cluster.local';

/** What a pod needs before its containers: addresses, shared files and volumes. */
export class PodPlace {
  readonly #context: NodeContext;
  readonly #pod: Pod;
  readonly #volumes: PodVolumes;
  /** tmpfs, gone with the node. */
  readonly memoryDir: string;
  /** On disk: logs and emptyDir volumes. */
  readonly diskDir: string;
  readonly hostname: string;
  sandbox: PodSandbox | undefined;
  files: PodFiles | undefined;
  /** When projected tokens want to be renewed. */
  refreshAtMs: number | undefined;
  #pause: PauseProcess | undefined;
  #making: Promise<void> | undefined;
  #isCurrent = false;
  #hasVolumes = false;

  constructor(context: NodeContext, pod: Pod) {
    const uid = pod.metadata.uid ?? '';
    this.#context = context;
    this.#pod = pod;
    this.memoryDir = join(context.machine.runDir, 'pods', uid);
    this.diskDir = join(context.stateDir, 'pods', uid);
    this.hostname = podHostname(pod, context.network.node.name);
    this.#volumes = new PodVolumes({
      memoryDir: this.memoryDir,
      diskDir: this.diskDir,
      fsGroup: pod.spec.securityContext?.fsGroup,
      hostPathRoots: context.hostPathRoots,
      volumesRoot: context.volumesRoot,
      now: () => context.clock.now(),
      issueToken: (audience, seconds) => context.issueToken(podReference(pod, context.network.node.name), audience, seconds),
    });
  }

  get podIPs(): readonly string[] {
    if (this.sandbox === undefined) return [];
    return this.#pod.spec.hostNetwork ? this.#context.network.node.addresses : this.sandbox.podIPs;
  }

  /** Containers may start. */
  get isComplete(): boolean {
    return this.sandbox !== undefined && this.#hasProcessSpace && this.files !== undefined && this.#hasVolumes;
  }

  /** Of the whole pod (`shareProcessNamespace`); undefined: each container has its own. */
  get pidNamespace(): string | undefined {
    return this.#pause?.pidNamespace;
  }

  get #hasProcessSpace(): boolean {
    return !this.#pod.spec.shareProcessNamespace || this.#pause?.isRunning() === true;
  }

  volumeFolder = (name: string): string | undefined => this.#volumes.folder(name);

  /** Volumes are to be looked at again. */
  invalidate(): void {
    this.#isCurrent = false;
  }

  /**
   * Makes what is missing and renews what is due; cheap when nothing is.
   *
   * @throws VolumeError, or what the network says
   */
  async make(facts: PodFacts): Promise<void> {
    const context = this.#context;
    this.#making = this.#makeSpaces(facts);
    await this.#making;
    this.files ??= writePodFiles(join(this.memoryDir, 'etc'), {
      hosts: renderHosts(this.#pod, this.hostname, this.podIPs, CLUSTER_DOMAIN),
      hostname: this.hostname,
      resolvConf: context.resolvConf(this.#pod),
    });
    const isDue = this.refreshAtMs !== undefined && context.clock.now().getTime() >= this.refreshAtMs;
    if (this.#isCurrent && !isDue) return;
    const plans = planVolumes(facts.pod, { ...facts, podIPs: this.podIPs }, context.config(facts.pod.metadata.namespace ?? ''));
    this.#isCurrent = true;
    try {
      this.refreshAtMs = await this.#volumes.apply(plans);
      this.#hasVolumes = true;
    } catch (error) {
      this.#isCurrent = false;
      throw error;
    }
  }

  /** Its namespaces. */
  async #makeSpaces(facts: PodFacts): Promise<void> {
    const context = this.#context;
    this.sandbox ??= this.#pod.spec.hostNetwork
      ? { podUid: facts.pod.metadata.uid ?? '', netns: context.network.netns, podIPs: context.network.node.addresses }
      : await context.startSlots.run(() => context.network.addPod(this.#pod));
    if (!this.#hasProcessSpace) this.#pause = await startPause(context.machine, this.sandbox.netns, this.hostname);
  }

  /** The containers are gone: addresses and volumes go, logs stay until `forget`. */
  async release(): Promise<void> {
    // Whose object is gone is not waited for: its namespaces may be half made.
    await this.#making?.catch(() => {});
    const { sandbox } = this;
    await this.#pause?.end();
    await this.#volumes.release();
    await removeTree(this.memoryDir);
    if (sandbox !== undefined && !this.#pod.spec.hostNetwork) await this.#context.network.removePod(sandbox.podUid);
  }

  /** The pod's object is gone too. */
  forget(): void {
    rmSync(this.diskDir, { recursive: true, force: true });
  }
}
