import type { Endpoint } from '@palisade/flow';
import { resolveEnvironment } from '../env/environment.ts';
import type { PodFacts } from '../env/fields.ts';
import { renderServiceLinks } from '../env/service-links.ts';
import type { Container, Pod } from '../pod-types.ts';
import type { ProbeAccess } from '../probes/attempt.ts';
import { runToEnd } from '../runtime/run-to-end.ts';
import type { NodeContext } from './context.ts';
import type { ContainerInstance } from './instance.ts';
import type { PodPlace } from './place.ts';

/** What a container asks of its pod's worker. */
export interface UnitHost {
  readonly context: NodeContext;
  readonly pod: Pod;
  readonly place: PodPlace;
  readonly facts: PodFacts;
  readonly isTerminating: boolean;
  /**
   * PID namespace that this container joins; undefined: one of its own.
   *
   * @throws ContainerConfigError when it targets a container that does not run
   */
  pidNamespace(container: Container): string | undefined;
  /** Something in the record changed. */
  changed(): void;
}

/** The `kubernetes` Service is linked even when links are off: clients in pods find the API by it. */
export function podEnvironment(host: UnitHost, container: Container): Record<string, string> {
  const { context, pod, facts } = host;
  const namespace = pod.metadata.namespace ?? '';
  const master = context.services('default').filter(({ metadata }) => metadata.name === 'kubernetes');
  const own = (pod.spec.enableServiceLinks ?? true) ? context.services(namespace) : [];
  const serviceLinks = renderServiceLinks([...own.filter(({ metadata }) => metadata.name !== 'kubernetes'), ...master]);
  return resolveEnvironment({ facts, container, config: context.config(namespace), serviceLinks });
}

export function probeAccess(host: UnitHost, container: Container, instance: ContainerInstance): ProbeAccess {
  const { network } = host.context;
  return {
    container,
    podIP: host.place.podIPs[0] ?? '',
    connect: (address, port, timeoutMs) => network.connect(address, port, timeoutMs),
    exec: (command, timeoutMs) => runToEnd(instance.execTarget, command, timeoutMs),
  };
}

/** How flow records name the pod. */
export function podEndpoint({ pod, place, context }: UnitHost): Endpoint {
  const { namespace, name, labels } = pod.metadata;
  return {
    ...(place.podIPs[0] === undefined ? {} : { ip: place.podIPs[0] }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { pod: name }),
    ...(labels === undefined ? {} : { labels }),
    node: context.network.node.name,
  };
}
