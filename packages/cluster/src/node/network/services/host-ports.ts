import { type ApiClient, type KubernetesObject, PatchType } from '@palisade/kubernetes';
import { type Clock, type Informer, systemClock } from '@palisade/kubernetes/client';
import type { EventRecorder } from '../../../controllers/runtime/events.ts';
import { Resource } from '../../../controllers/runtime/resources.ts';
import { createCoalescer } from '../coalesce.ts';
import { HOST_ADDRESSES } from '../fabric/addresses.ts';
import { connectIn, udpIn } from '../namespaces/netns-sockets.ts';
import {
  assignLoadBalancerAddresses,
  type HostPort,
  hostPortKey,
  loadBalancerAddress,
  planHostPorts,
  serviceKey,
  wantsLoadBalancer,
} from './host-port-plan.ts';
import { type Relay, relayTcp, relayUdp } from './relay.ts';
import type { ServiceEndpoint, ServicePort } from './service-model.ts';

export interface HostPortsOptions {
  /** The cluster's name. */
  cluster: string;
  client: Pick<ApiClient, 'patch'>;
  services: Informer;
  /** What the Service proxy has in force (`ServiceProxy.current`). */
  plans(): readonly ServicePort[];
  /** Path of the fabric's namespace: connections leave from the host's address there, so policies see them as from outside. */
  fabricNetns: string;
  events: Pick<EventRecorder, 'event'>;
  signal: AbortSignal;
  log(level: 'debug' | 'warn', message: string): void;
  clock?: Clock;
}

export interface HostPorts {
  /** Call when Services or their endpoints have changed (`ServiceProxyOptions.onApplied`). */
  update(): Promise<void>;
  /** Closes every listener. */
  close(): Promise<void>;
}

interface Listener {
  plan: HostPort;
  relay: Relay | undefined;
  /** Told once for each refusal, not again with every retry. */
  refusal?: string;
}

const CONNECT_TIMEOUT_MS = 10_000;
const PAUSE_MS = 20;
/** How soon a port that somebody else holds is tried again. */
const RETRY_TAKEN_MS = 15_000;

/** NodePort and LoadBalancer Services on the host's loopback. The host's firewall and routes have no part in it. */
export function startHostPorts(options: HostPortsOptions): HostPorts {
  const { services, signal, clock = systemClock, log } = options;
  const listeners = new Map<string, Listener>();
  let turn = 0;
  let cancelRetry: (() => void) | undefined;

  function choose(key: string): ServiceEndpoint | undefined {
    const endpoints = listeners.get(key)?.plan.endpoints ?? [];
    return endpoints[turn++ % Math.max(1, endpoints.length)];
  }

  function listen(key: string, plan: HostPort): Promise<Relay> {
    const common = { address: plan.address, port: plan.port, choose: () => choose(key) };
    if (plan.protocol === 'tcp')
      return relayTcp({
        ...common,
        connect: ({ ip, port }, giveUp) => connectIn(options.fabricNetns, ip, port, CONNECT_TIMEOUT_MS, giveUp),
      });
    return relayUdp({
      ...common,
      open: ({ ip }) => udpIn(options.fabricNetns, ip.includes(':') ? HOST_ADDRESSES[1] : HOST_ADDRESSES[0], 0),
    });
  }

  async function open(key: string, listener: Listener): Promise<void> {
    const { plan } = listener;
    try {
      listener.relay = await listen(key, plan);
      delete listener.refusal;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? String(error);
      const taken = code === 'EADDRINUSE';
      const refusal = `Cannot listen on ${plan.address} port ${plan.port} (${plan.protocol.toUpperCase()}) of this machine: ${
        taken ? 'the port is taken by another program; stop that program or give the Service another port' : code
      }`;
      if (listener.refusal === refusal) return;
      listener.refusal = refusal;
      log('warn', `${plan.service}: ${refusal}`);
      const service = services.get(plan.service);
      if (service !== undefined) options.events.event(service, 'Warning', taken ? 'PortTaken' : 'PortFailed', refusal);
    }
  }

  async function writeStatus(service: KubernetesObject, address: string | undefined): Promise<void> {
    if (loadBalancerAddress(service) === address) return;
    const { namespace = 'default', name = '' } = service.metadata;
    const ingress = address === undefined ? null : [{ ip: address, ipMode: 'Proxy' }];
    const patch = { status: { loadBalancer: { ingress } } };
    await options.client.patch(Resource.services, { namespace, name }, PatchType.merge, patch, { subresource: 'status' });
  }

  async function reconcile(): Promise<void> {
    const all = services.list();
    const addresses = assignLoadBalancerAddresses(all, options.cluster);
    const wanted = new Map(planHostPorts(options.plans(), addresses).map((plan) => [hostPortKey(plan), plan]));
    for (const [key, listener] of listeners) {
      if (wanted.has(key)) continue;
      listeners.delete(key);
      await listener.relay?.close();
    }
    for (const [key, plan] of wanted) {
      const listener = listeners.get(key) ?? { plan, relay: undefined };
      listener.plan = plan;
      listeners.set(key, listener);
      if (listener.relay === undefined) await open(key, listener);
    }
    cancelRetry?.();
    if ([...listeners.values()].some((listener) => listener.relay === undefined))
      cancelRetry = clock.after(RETRY_TAKEN_MS, () => void coalescer.trigger());
    for (const service of all) {
      const isOurs = wantsLoadBalancer(service) || loadBalancerAddress(service)?.startsWith('127.77.');
      if (isOurs) await writeStatus(service, addresses.get(serviceKey(service)));
    }
  }

  const coalescer = createCoalescer(reconcile, {
    pauseMs: PAUSE_MS,
    clock,
    signal,
    onError: (error) => log('warn', `host ports not as wanted, trying again: ${String(error)}`),
  });
  services.onChange(() => void coalescer.trigger());
  return {
    update: () => coalescer.trigger(),
    async close() {
      cancelRetry?.();
      const relays = [...listeners.values()].map((listener) => listener.relay?.close());
      listeners.clear();
      await Promise.all(relays);
    },
  };
}
