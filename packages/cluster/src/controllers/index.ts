import type { ApiClient } from '@palisade/kubernetes';
import type { Clock } from '@palisade/kubernetes/client';
import type { RequestSigner } from '../contract.ts';
import { createCertificateController } from './certificates/controller.ts';
import { createClusterRoleController } from './clusterrole/controller.ts';
import { createCronJobController } from './cronjob/controller.ts';
import { createDaemonSetController } from './daemonset/controller.ts';
import { createDeploymentController } from './deployment/controller.ts';
import { createDisruptionController } from './disruption/controller.ts';
import { createEndpointsController } from './endpoints/controller.ts';
import { createEndpointsMirror } from './endpoints/mirror-controller.ts';
import { createEventExpiry } from './events/controller.ts';
import { createGarbageCollector } from './garbage/controller.ts';
import { createIngressController } from './ingress/controller.ts';
import { createJobController } from './job/controller.ts';
import { createNamespaceController } from './namespace/controller.ts';
import { createNodeLifecycleController } from './node/lifecycle-controller.ts';
import { createPodGarbageController } from './node/pod-garbage-controller.ts';
import { createTaintEvictionController } from './node/taint-eviction-controller.ts';
import { createResourceQuotaController } from './quota/controller.ts';
import { createReplicaSetController } from './replicaset/controller.ts';
import { type Controller, type ControllerContext, createContext, type Log } from './runtime/context.ts';
import type { ServedResource } from './runtime/resources.ts';
import { createScheduler } from './scheduler/controller.ts';
import { createServiceAccountController } from './serviceaccount/controller.ts';
import { createStatefulSetController } from './statefulset/controller.ts';
import { createEphemeralVolumeController, createVolumeController, type LocalVolumes } from './volume/index.ts';

export interface ControllersOptions {
  client: ApiClient;
  clock: Clock;
  signal: AbortSignal;
  log: Log;
  /** For the ConfigMap `kube-root-ca.crt` of every namespace. */
  caCertificatePem: string;
  /** Everything the server serves now, custom resources included: namespaces are emptied and garbage is collected over these. */
  resources: () => readonly ServedResource[];
  /** Signs what CertificateSigningRequests ask for; without, they stay as they are. */
  certificateRequests?: RequestSigner;
  /** Where persistent volumes lie; without, claims stay pending. */
  volumes?: LocalVolumes;
  random?: () => number;
}

export interface Controllers {
  /** Resolves when every cache is filled and the queues work. */
  readonly ready: Promise<void>;
  /** Caches and queues are empty of work right now (for tests and orderly ends). */
  isIdle(): boolean;
  /** Ends the watches; resolves when running work ended. */
  stop(): Promise<void>;
}

/** Starts what kube-controller-manager and kube-scheduler do in a real cluster, in this process, over `client`. */
export function startControllers(options: ControllersOptions): Controllers {
  const stopping = new AbortController();
  const signal = AbortSignal.any([options.signal, stopping.signal]);
  const ctx = createContext({ client: options.client, clock: options.clock, log: options.log, random: options.random ?? Math.random });
  const controllers = createControllers(ctx, options);
  const needed = ctx.synced();
  // The collector watches every kind there is; one that cannot be listed must stop it alone, and all of it.
  const collector = createGarbageCollector(ctx, options);
  const complete = ctx.synced();
  ctx.start(signal);
  const ready = needed.then(() => {
    if (!signal.aborted) for (const { queue } of controllers) queue.start();
  });
  void complete.then(() => collector.queue.start());
  controllers.push(collector);
  async function stop(): Promise<void> {
    stopping.abort();
    await Promise.all(controllers.map(({ queue }) => queue.stop()));
  }
  options.signal.addEventListener('abort', () => void stop(), { once: true });
  return { ready, stop, isIdle: () => controllers.every(({ queue }) => queue.isIdle()) };
}

function createControllers(ctx: ControllerContext, options: ControllersOptions): Controller[] {
  return [
    createDeploymentController(ctx),
    createReplicaSetController(ctx),
    createEndpointsController(ctx),
    createServiceAccountController(ctx, options),
    createClusterRoleController(ctx),
    createScheduler(ctx),
    createStatefulSetController(ctx),
    createDaemonSetController(ctx),
    createIngressController(ctx),
    createJobController(ctx),
    createCronJobController(ctx),
    createDisruptionController(ctx),
    createNamespaceController(ctx, options),
    createNodeLifecycleController(ctx),
    createTaintEvictionController(ctx),
    createPodGarbageController(ctx),
    createEndpointsMirror(ctx),
    createEventExpiry(ctx),
    createEphemeralVolumeController(ctx),
    createResourceQuotaController(ctx, options),
    ...(options.certificateRequests === undefined ? [] : [createCertificateController(ctx, options.certificateRequests)]),
    ...(options.volumes === undefined ? [] : [createVolumeController(ctx, options.volumes)]),
  ];
}
