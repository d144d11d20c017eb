import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ContainerConfigError } from '../env/fields.ts';
import type { Container } from '../pod-types.ts';
import { launchContainer } from '../runtime/launch.ts';
import { type RootEntry, renderKernelFolders } from '../runtime/layout.ts';
import type { Machine } from '../runtime/machine.ts';
import type { ContainerInstance } from './instance.ts';

/** Holds the PID namespace that the containers of one pod share, and reaps what they leave behind. */
export interface PauseProcess {
  /** Path of the namespace, for programs that enter it. */
  readonly pidNamespace: string;
  isRunning(): boolean;
  /** Ends every process of the namespace; resolves when they are gone, or after 10 s: one may wait in the kernel for what another pod holds. */
  end(): Promise<void>;
}

/** As the image `pause` has it: a user that owns nothing else. */
const PAUSE_USER = 65535;

/**
 * The process all others of a pod with `shareProcessNamespace` live beside: it sees the machine's /usr, read-only, and nothing of the pod.
 *
 * @param netns name of the pod's network namespace
 */
export async function startPause(machine: Machine, netns: string, hostname: string): Promise<PauseProcess> {
  const root: RootEntry[] = [
    { kind: 'bind', source: '/usr', target: '/usr', isReadOnly: true },
    ...machine.facts.usrLinks.map((target): RootEntry => ({ kind: 'link', target, to: `usr${target}` })),
    ...renderKernelFolders(machine.facts, machine.emptyFolder),
    ...machine.entry,
  ];
  const running = await launchContainer({
    bwrap: machine.bwrap,
    launchEnv: machine.launchEnv,
    netns: join('/run/netns', netns),
    sandbox: { hostname, isRootReadOnly: true, root },
    setting: {
      credentials: { uid: PAUSE_USER, gid: PAUSE_USER, groups: [], capabilities: [], isRootReadOnly: true },
      env: {},
      workingDir: '/',
    },
    command: ['/usr/bin/sleep', 'infinity'],
    secretDir: machine.runDir,
    hasStdin: false,
    hasTty: false,
    cgroups: [],
    output: () => undefined,
  });
  return {
    pidNamespace: `/proc/${running.initPid}/ns/pid`,
    isRunning: running.isRunning,
    async end() {
      running.kill();
      await Promise.race([running.exit, sleep(10_000, undefined, { ref: false })]);
    },
  };
}

/**
 * The PID namespace that a container joins: the pod's, else its target's (KEP-277). undefined: one of its own.
 *
 * @throws ContainerConfigError when the target does not run
 */
export function joinedPidNamespace(
  container: Container,
  pod: { readonly pidNamespace: string | undefined },
  instanceOf: (container: string) => ContainerInstance | undefined,
): string | undefined {
  const { targetContainerName: name } = container;
  if (pod.pidNamespace !== undefined || name === undefined || name === '') return pod.pidNamespace;
  const target = instanceOf(name);
  if (target === undefined) throw new ContainerConfigError(`unable to find target container ${name}`);
  return `/proc/${target.running.initPid}/ns/pid`;
}
