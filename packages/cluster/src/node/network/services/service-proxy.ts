import type { KubernetesObject } from '@palisade/kubernetes';
import { type Clock, type Informer, systemClock } from '@palisade/kubernetes/client';
import { createCoalescer } from '../coalesce.ts';
import type { NodePlan } from '../fabric/addresses.ts';
import { netnsPath } from '../namespaces/namespace.ts';
import { type ApplyTable, createNodeTables } from '../node-tables.ts';
import { planServices, type ServicePort } from './service-model.ts';
import { renderServices, type ServiceState } from './services.ts';
import { forgetFlows, type StaleFlow, staleUdpFlows } from './stale-flows.ts';

export interface ServiceProxyOptions {
  nodes: readonly NodePlan[];
  /** `services` and `discovery.k8s.io/v1 endpointslices`, started by the caller. */
  services: Informer;
  slices: Informer;
  signal: AbortSignal;
  log(level: 'debug' | 'warn', message: string): void;
  clock?: Clock;
  /** Default: `nft -f -` in the namespace. */
  apply?: ApplyTable;
  forget?(netns: string, flows: readonly StaleFlow[]): Promise<void>;
  /** Told after a change is in force on every node. */
  onApplied?(before: readonly ServicePort[], now: readonly ServicePort[]): void;
}

export interface ServiceProxy {
  /** Resolves when the state known now is in force on every node. */
  settled(): Promise<void>;
  /** What is in force. */
  readonly current: readonly ServicePort[];
}

const PAUSE_MS = 10;

/** Keeps every node's Service table as the API says. Nothing is rendered before both caches are complete. */
export function startServiceProxy(options: ServiceProxyOptions): ServiceProxy {
  const { nodes, services, slices, signal, clock = systemClock, apply, forget = forgetFlows } = options;
  const changeTables = createNodeTables<ServiceState>(nodes, apply);
  let current: readonly ServicePort[] = [];

  const coalescer = createCoalescer(
    async () => {
      await Promise.all([services.hasSynced(), slices.hasSynced()]);
      if (signal.aborted) return;
      const before = current;
      const plans = planServices(services.list(), slices.list());
      await changeTables((node, previous) => renderServices(node, plans, previous));
      current = plans;
      const stale = staleUdpFlows(before, plans);
      if (stale.length > 0) await Promise.all(nodes.map((node) => forget(netnsPath(node.netnsName), stale)));
      options.onApplied?.(before, plans);
    },
    { pauseMs: PAUSE_MS, clock, signal, onError: (error) => options.log('warn', `Services not in force, trying again: ${String(error)}`) },
  );

  const changed = (): void => {
    void coalescer.trigger();
  };
  const slicesMatter = (_type: string, now: KubernetesObject, before: KubernetesObject | undefined): void => {
    // Endpoint slices are rewritten for reasons no proxy cares about.
    if (before !== undefined && now !== before && fingerprint(now) === fingerprint(before)) return;
    changed();
  };
  services.onChange(changed);
  slices.onChange(slicesMatter);
  changed();
  return {
    settled: () => coalescer.trigger(),
    get current() {
      return current;
    },
  };
}

function fingerprint(slice: KubernetesObject): string {
  return JSON.stringify([slice.metadata.labels, slice['addressType'], slice['ports'], slice['endpoints']]);
}
