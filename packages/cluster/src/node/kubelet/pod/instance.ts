import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { Endpoint } from '@palisade/flow';
import type { FoundImage } from '../../../images/index.ts';
import { type ContainerLog, createContainerLog } from '../logs/container-log.ts';
import { lastLines } from '../logs/select.ts';
import type { Container, Pod } from '../pod-types.ts';
import { type ContainerCgroup, readLimits } from '../runtime/cgroups.ts';
import { startFailure } from '../runtime/command.ts';
import type { ExecTarget } from '../runtime/exec.ts';
import { type ContainerExit, launchContainer, type OutputSource, programBegan, type RunningContainer } from '../runtime/launch.ts';
import { type NodeContext, podLabel } from './context.ts';
import { followFlowLog } from './flow-log.ts';
import type { PreparedContainer } from './prepare-container.ts';
import type { Terminated } from './record.ts';

export type OutputListener = (source: OutputSource, chunk: Buffer) => Promise<void> | undefined;

/** One run of one container, from its start to its end. */
export interface ContainerInstance {
  readonly id: string;
  readonly startedAt: Date;
  readonly running: RunningContainer;
  readonly log: ContainerLog;
  readonly image: FoundImage;
  readonly execTarget: ExecTarget;
  /** For attach. @returns stops the calls */
  listen(listener: OutputListener): () => void;
  /** Resolves once it is gone, with what its status says then. */
  readonly ended: Promise<Terminated>;
}

export interface StartInput {
  readonly context: NodeContext;
  readonly pod: Pod;
  readonly container: Container;
  readonly image: FoundImage;
  readonly prepared: PreparedContainer;
  readonly id: string;
  readonly netns: string;
  /** Path of the PID namespace to run in; undefined: one of its own. */
  readonly pidNamespace: string | undefined;
  readonly logPath: string;
  readonly endpoint: Endpoint;
}

/** kubelet's bounds on a termination message. */
const MAX_MESSAGE_BYTES = 4096;
const MAX_LOG_MESSAGE_BYTES = 2048;
const MAX_LOG_MESSAGE_LINES = 80;

/** @throws Error when the container could not be made */
export async function startInstance(input: StartInput): Promise<ContainerInstance> {
  const { context, pod, container, prepared, id } = input;
  const now = () => context.clock.now();
  const cgroup = context.cgroups.create(id.slice(0, 24), readLimits(container.resources?.limits));
  const log = createContainerLog(input.logPath, now);
  const listeners = new Set<OutputListener>();
  const flow = input.image.definition.flowLog;
  let running: RunningContainer;
  try {
    running = await launchContainer({
      bwrap: context.machine.bwrap,
      launchEnv: context.machine.launchEnv,
      netns: join('/run/netns', input.netns),
      pidNamespace: input.pidNamespace,
      sandbox: prepared.sandbox,
      setting: prepared.setting,
      command: prepared.command,
      secretDir: context.machine.runDir,
      hasStdin: container.stdin ?? false,
      hasTty: container.tty ?? false,
      cgroups: cgroup.procsFiles,
      output(source, chunk) {
        log.write(source, chunk);
        const pending = [...listeners].map((listener) => listener(source, chunk)).filter((each) => each !== undefined);
        return pending.length === 0 ? undefined : Promise.all(pending).then(() => {});
      },
    });
  } catch (error) {
    log.close();
    void cgroup.remove();
    prepared.release();
    throw error;
  }
  // Sub-paths are bound by name of a descriptor that has to live until the binds are made.
  void programBegan(running.initPid, () => !running.isRunning()).then(prepared.release);
  const startedAt = now();
  const place = { reporter: `pod/${pod.metadata.namespace}/${pod.metadata.name}/${container.name}`, endpoint: input.endpoint };
  const stopFlow = flow === undefined ? undefined : followFlowLog(context, flow, prepared.flowLog!, place);
  const ended = running.exit.then((exit) => {
    log.close();
    stopFlow?.();
    if (exit.isOutputCut)
      context.log(
        'warn',
        `container ${container.name} of pod ${podLabel(pod)} ended, but somebody else holds its output open: the rest is cut`,
      );
    const terminated = describeEnd(input, exit, cgroup, startedAt, now());
    void cgroup.remove();
    return terminated;
  });
  return {
    id,
    startedAt,
    running,
    log,
    image: input.image,
    execTarget: {
      initPid: running.initPid,
      isRunning: running.isRunning,
      setting: prepared.setting,
      entry: context.machine.entry,
      cgroups: cgroup.procsFiles,
      secretDir: context.machine.runDir,
    },
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    ended,
  };
}

function describeEnd(input: StartInput, exit: ContainerExit, cgroup: ContainerCgroup, startedAt: Date, finishedAt: Date): Terminated {
  const { container, prepared } = input;
  const times = { startedAt: wireTime(startedAt), finishedAt: wireTime(finishedAt), containerID: containerId(input.id) };
  const failure = exit.setupFailure ?? startFailure(exit.exitCode, exit.lastWords, prepared.command[0]!);
  if (failure !== undefined) return { exitCode: 128, reason: 'StartError', message: failure, ...times };
  const isOutOfMemory = exit.exitCode !== 0 && cgroup.wasOutOfMemory();
  const reason = isOutOfMemory ? 'OOMKilled' : exit.exitCode === 0 ? 'Completed' : 'Error';
  const message = terminationMessage(container, prepared.terminationLog, input.logPath, exit.exitCode);
  return { exitCode: exit.exitCode, reason, ...(message === '' ? {} : { message }), ...times };
}

function terminationMessage(container: Container, file: string, logPath: string, exitCode: number): string {
  const text = readHead(file, MAX_MESSAGE_BYTES);
  if (text !== '' || container.terminationMessagePolicy !== 'FallbackToLogsOnError' || exitCode === 0) return text;
  const lines = lastLines(readFileSync(logPath, 'utf8').split('\n').filter(Boolean), MAX_LOG_MESSAGE_LINES);
  const message = lines.map((line) => line.split(' ').slice(3).join(' ')).join('\n');
  return Buffer.from(message).subarray(-MAX_LOG_MESSAGE_BYTES).toString('utf8');
}

function readHead(file: string, limit: number): string {
  const fd = openSync(file, 'r');
  try {
    const buffer = Buffer.alloc(limit);
    return buffer.toString('utf8', 0, readSync(fd, buffer, 0, limit, 0));
  } finally {
    closeSync(fd);
  }
}

export function containerId(id: string): string {
  return `palisade://${id}`;
}

/** API times have no fraction of a second (metav1.Time). */
export function wireTime(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, 'Z');
}
