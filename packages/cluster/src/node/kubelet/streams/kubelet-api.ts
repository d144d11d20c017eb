import { existsSync } from 'node:fs';
import { Readable } from 'node:stream';
import { badRequest, internalError, notFound } from '@palisade/kubernetes';
import type { ExecOptions, ExecSession, Kubelet, LogOptions } from '../../../contract.ts';
import { readLog } from '../logs/read.ts';
import type { ContainerUnit } from '../pod/container-unit.ts';
import type { ContainerInstance } from '../pod/instance.ts';
import type { PodWorker } from '../pod/worker.ts';
import { execInContainer } from '../runtime/exec.ts';
import { attachToInstance } from './attach.ts';

const PODS = { group: '', resource: 'pods' };

/** What the API server asks of this node. `find` gives the worker of a pod by namespace and name. */
export function createKubeletApi(find: (namespace: string, pod: string) => PodWorker | undefined, now: () => Date): Kubelet {
  function workerOf(namespace: string, pod: string): PodWorker {
    const worker = find(namespace, pod);
    if (worker === undefined) throw notFound(PODS, pod);
    return worker;
  }

  function unitOf(namespace: string, pod: string, container: string): ContainerUnit {
    const unit = workerOf(namespace, pod).unit(container);
    if (unit === undefined) throw badRequest(`container ${container} is not valid for pod ${pod}`);
    return unit;
  }

  function runningOf(namespace: string, pod: string, container: string): { unit: ContainerUnit; instance: ContainerInstance } {
    const unit = unitOf(namespace, pod, container);
    const { instance } = unit;
    if (instance === undefined) throw notRunning(container, unit);
    return { unit, instance };
  }

  return {
    async logs(namespace, pod, options: LogOptions, signal) {
      const unit = unitOf(namespace, pod, options.container);
      const path = unit.logPath(options.previous);
      if (path === undefined || !existsSync(path)) {
        if (options.previous) throw badRequest(`previous terminated container "${options.container}" in pod "${pod}" not found`);
        if (unit.record.state.waiting)
          throw badRequest(`container "${options.container}" in pod "${pod}" is waiting to start: ${waitingText(unit)}`);
        return Readable.from([]);
      }
      const live = options.previous ? undefined : unit.instance?.log;
      return readLog(path, live?.path === path ? live : undefined, options, now(), signal);
    },

    async exec(namespace, pod, options: ExecOptions): Promise<ExecSession> {
      if (options.command.length === 0) throw badRequest('you must specify at least one command for the container');
      const { instance } = runningOf(namespace, pod, options.container);
      try {
        const request = { command: options.command, hasStdin: options.stdin, hasTty: options.tty };
        return await execInContainer(instance.execTarget, request);
      } catch (error) {
        throw internalError(`error executing command in container: ${(error as Error).message}`);
      }
    },

    async attach(namespace, pod, options): Promise<ExecSession> {
      const { unit, instance } = runningOf(namespace, pod, options.container);
      const { tty = false, stdinOnce = false } = unit.container;
      if (options.tty && !tty) throw badRequest(`container ${options.container} was not started with a terminal (tty: true)`);
      return attachToInstance(instance, options.stdin, stdinOnce);
    },

    async portForward(namespace, pod, port) {
      const worker = workerOf(namespace, pod);
      const { sandbox } = worker.place;
      if (sandbox === undefined)
        throw badRequest(`unable to forward port because pod is not running. Current status=${worker.pod.status?.phase ?? 'Pending'}`);
      const { network } = worker.context;
      return worker.pod.spec.hostNetwork ? network.connect('127.0.0.1', port) : network.connectInPod(sandbox.podUid, '127.0.0.1', port);
    },
  };
}

function waitingText(unit: ContainerUnit): string {
  const { waiting } = unit.record.state;
  switch (waiting?.reason) {
    case 'ErrImagePull':
      return "image can't be pulled";
    case 'ImagePullBackOff':
      return 'trying and failing to pull image';
    case 'CreateContainerConfigError':
      return waiting.message ?? waiting.reason;
    default:
      return waiting?.reason ?? 'ContainerCreating';
  }
}

/** The words that kubectl shows when a container cannot be entered. */
function notRunning(container: string, unit: ContainerUnit): Error {
  return unit.record.containerId === undefined
    ? badRequest(`container not found ("${container}")`)
    : internalError(`container not found ("${container}"): it is not running`);
}
