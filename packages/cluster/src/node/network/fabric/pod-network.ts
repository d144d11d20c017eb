import type { Duplex } from 'node:stream';
import type { KubernetesObject } from '@palisade/kubernetes';
import type { NodeNetwork, PodSandbox } from '../../../contract.ts';
import { applyNft, createNamespace, deleteNamespace, ipBatch, netnsPath, run, writeSysctls } from '../namespaces/namespace.ts';
import { connectIn } from '../namespaces/netns-sockets.ts';
import { type NodePlan, podAddresses, podNumberOf } from './addresses.ts';
import { POD_SYSCTLS } from './fabric-plan.ts';
import { INLINE_SYSCTLS, type InlinePlan, isInline, planInline } from './inline-plan.ts';
import { createPodNumbers, type PodPlan, planPod } from './pod-plan.ts';

export interface LocalPod {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly nodeName: string;
  readonly ifname: string;
  readonly podIPs: readonly [string, string];
  /** As given to `addPod`. */
  readonly object: KubernetesObject;
}

export interface NodeNetworkOptions {
  node: NodePlan;
  /**
   * Told after a pod's link is up and its traffic still dropped; resolves when the pod's policies are in force. A rejection
   * does not fail the pod: it stays isolated until the next change succeeds.
   */
  onPodAdded?(pod: LocalPod): Promise<void>;
  onPodRemoved?(pod: LocalPod): void;
}

interface Entry {
  local: LocalPod;
  number: number;
  plan: PodPlan;
  sandbox: PodSandbox;
}

const CONNECT_TIMEOUT_MS = 10_000;

async function configureInline(path: string, { batch, rules }: InlinePlan): Promise<void> {
  await ipBatch(path, batch);
  await run('ip', ['-4', '-batch', '-'], { netns: path, input: `${rules.ipv4.join('\n')}\n` });
  await run('ip', ['-6', '-batch', '-'], { netns: path, input: `${rules.ipv6.join('\n')}\n` });
}

/** The network of one virtual node. Calls for one pod are done in order; different pods are made at the same time. */
export function createNodeNetwork(options: NodeNetworkOptions): NodeNetwork & { readonly pods: ReadonlyMap<string, LocalPod> } {
  const { node } = options;
  const netns = netnsPath(node.netnsName);
  const numbers = createPodNumbers(node.name);
  const entries = new Map<string, Entry>();
  const pods = new Map<string, LocalPod>();
  const busy = new Map<string, Promise<unknown>>();

  function inOrder<T>(podUid: string, act: () => Promise<T>): Promise<T> {
    const result = (busy.get(podUid) ?? Promise.resolve()).then(act, act);
    const settled = result.then(
      () => {},
      () => {},
    );
    busy.set(podUid, settled);
    void settled.then(() => {
      if (busy.get(podUid) === settled) busy.delete(podUid);
    });
    return result;
  }

  async function add(pod: KubernetesObject): Promise<PodSandbox> {
    const uid = String(pod.metadata.uid);
    const present = entries.get(uid);
    if (present !== undefined) return present.sandbox;
    // A pod that outlived the supervisor keeps its address, so that what others know of it stays true.
    const number = numbers.take(podNumberOf(node, pod['status']?.podIP));
    const podIPs = podAddresses(node, number);
    const plan = planPod(node, uid, podIPs);
    const inline = isInline(pod) ? planInline(plan.ifname, node.netnsName, plan.netnsName, podIPs) : undefined;
    const made: string[] = [];
    const make = (name: string, sysctls: typeof POD_SYSCTLS) => {
      createNamespace(name);
      made.push(name);
      writeSysctls(netnsPath(name), sysctls);
    };
    try {
      make(plan.netnsName, POD_SYSCTLS);
      if (inline !== undefined) {
        make(inline.netnsName, [...POD_SYSCTLS, ...INLINE_SYSCTLS]);
        // Before there is any link: nothing ever passes it unwatched.
        await applyNft(netnsPath(inline.netnsName), inline.nft);
      }
      await ipBatch(undefined, inline?.links ?? [plan.link]);
      await Promise.all([
        ipBatch(netns, plan.node),
        ipBatch(netnsPath(plan.netnsName), plan.pod),
        ...(inline === undefined ? [] : [configureInline(netnsPath(inline.netnsName), inline)]),
      ]);
    } catch (error) {
      for (const name of made) deleteNamespace(name);
      numbers.release(number);
      throw new Error(`Cannot make the network of pod "${pod.metadata.namespace}/${pod.metadata.name}" on node "${node.name}"`, {
        cause: error,
      });
    }
    const local: LocalPod = {
      uid,
      namespace: String(pod.metadata.namespace),
      name: String(pod.metadata.name),
      nodeName: node.name,
      ifname: plan.ifname,
      podIPs,
      object: pod,
    };
    const sandbox: PodSandbox = { podUid: uid, netns: plan.netnsName, podIPs, ...(inline && { proxyNetns: inline.netnsName }) };
    entries.set(uid, { local, number, plan, sandbox });
    pods.set(uid, local);
    // Policies that cannot be set leave the pod without traffic, and are said and tried again where they are set.
    await options.onPodAdded?.(local).catch(() => {});
    return sandbox;
  }

  async function remove(podUid: string): Promise<void> {
    const entry = entries.get(podUid);
    if (entry === undefined) return;
    entries.delete(podUid);
    pods.delete(podUid);
    // The link goes now: the namespace itself lives until its last process or socket has gone.
    await run('ip', ['link', 'del', 'dev', entry.plan.ifname], { netns }).catch(() => {});
    deleteNamespace(entry.plan.netnsName);
    if (entry.sandbox.proxyNetns !== undefined) deleteNamespace(entry.sandbox.proxyNetns);
    numbers.release(entry.number);
    options.onPodRemoved?.(entry.local);
  }

  return {
    node: { name: node.name, addresses: node.addresses, podCIDRs: node.podCIDRs },
    netns: node.netnsName,
    pods,
    addPod: (pod) => inOrder(String(pod.metadata.uid), () => add(pod)),
    removePod: (podUid) => inOrder(podUid, () => remove(podUid)),
    connect: (host, port, timeoutMs = CONNECT_TIMEOUT_MS): Promise<Duplex> => connectIn(netns, host, port, timeoutMs),
    async connectInPod(podUid, host, port, timeoutMs = CONNECT_TIMEOUT_MS): Promise<Duplex> {
      const entry = entries.get(podUid);
      if (entry === undefined) throw new Error(`Cannot connect inside pod ${podUid}: node "${node.name}" has no network for it`);
      return connectIn(netnsPath(entry.plan.netnsName), host, port, timeoutMs);
    },
  };
}
