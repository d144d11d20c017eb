import { allContainers } from '../pod-types.ts';
import type { PodWorker } from './worker.ts';

/** A pod with its running containers, for those who measure them. */
export interface RunningPod {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly node: string;
  /** `initPid` leads to the container's namespaces and is another one after each restart. */
  readonly containers: readonly { readonly name: string; readonly initPid: number }[];
}

export function runningPod(worker: PodWorker): RunningPod {
  const { pod, context } = worker;
  const { namespace = '', name = '', labels = {} } = pod.metadata;
  const containers = allContainers(pod.spec).flatMap((container) => {
    const instance = worker.unit(container.name)?.instance;
    return instance === undefined ? [] : [{ name: container.name, initPid: instance.running.initPid }];
  });
  return { namespace, name, labels, node: context.network.node.name, containers };
}
