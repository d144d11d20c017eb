import { execFileSync } from 'node:child_process';
import type { Duplex } from 'node:stream';
import type { KubernetesObject } from '@palisade/kubernetes';
import type { NodeNetwork, PodSandbox } from '../../../contract.ts';
import { connectIn } from '../../network/namespaces/netns-sockets.ts';

let networks = 0;

/** A node whose pods are alone: each has a namespace with only lo up, and the node reaches them through lo. */
export function createFakeNetwork(name = 'node1'): NodeNetwork & { readonly pods: Map<string, PodSandbox> } {
  const pods = new Map<string, PodSandbox>();
  let next = 10;
  const ip = (...words: string[]) => execFileSync('ip', words, { stdio: ['ignore', 'ignore', 'inherit'] });
  const add = (netns: string) => {
    ip('netns', 'add', netns);
    ip('-n', netns, 'link', 'set', 'lo', 'up');
  };
  const netns = `node-${name}-${++networks}`;
  add(netns);
  async function connect(namespace: string, host: string, port: number, timeoutMs = 1000): Promise<Duplex> {
    return connectIn(`/run/netns/${namespace}`, host, port, timeoutMs);
  }
  return {
    node: { name, addresses: ['172.30.0.11', 'fd00:172:30::b'], podCIDRs: ['10.244.1.0/24', 'fd00:244:1::/64'] },
    netns,
    pods,
    async addPod(pod: KubernetesObject) {
      const uid = String(pod.metadata.uid);
      const known = pods.get(uid);
      if (known) return known;
      const number = next++;
      const sandbox: PodSandbox = {
        podUid: uid,
        netns: `pod-${networks}-${number}`,
        podIPs: [`10.244.1.${number}`, `fd00:244:1::${number}`],
      };
      add(sandbox.netns);
      ip('-n', sandbox.netns, 'addr', 'add', `${sandbox.podIPs[0]}/32`, 'dev', 'lo');
      pods.set(uid, sandbox);
      return sandbox;
    },
    async removePod(uid) {
      const sandbox = pods.get(uid);
      if (sandbox === undefined) return;
      pods.delete(uid);
      ip('netns', 'del', sandbox.netns);
    },
    async connect(host, port, timeoutMs) {
      const owner = [...pods.values()].find(({ podIPs }) => podIPs.includes(host));
      return connect(owner?.netns ?? netns, host, port, timeoutMs);
    },
    async connectInPod(uid, host, port, timeoutMs) {
      const sandbox = pods.get(uid);
      if (sandbox === undefined) throw new Error(`no pod ${uid}`);
      return connect(sandbox.netns, host, port, timeoutMs);
    },
  };
}
