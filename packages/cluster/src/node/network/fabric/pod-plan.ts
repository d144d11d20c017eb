import { FIRST_POD, ifnameOf, LAST_POD, type NodePlan, podNetnsOf } from './addresses.ts';
import { renderDownlink, renderLink, renderUplink } from './fabric-plan.ts';

export interface PodPlan {
  readonly netnsName: string;
  readonly ifname: string;
  readonly link: string;
  readonly node: readonly string[];
  readonly pod: readonly string[];
}

/** The steps of one pod's network, once its namespace is there: the link, then (in any order) the node's side and the pod's side. */
export function planPod(node: NodePlan, podUid: string, podIPs: readonly [string, string]): PodPlan {
  const netnsName = podNetnsOf(podUid);
  const ifname = ifnameOf(podUid);
  return {
    netnsName,
    ifname,
    link: renderLink(ifname, node.netnsName, 'eth0', netnsName, podIPs[0]),
    node: renderDownlink(ifname, podIPs),
    pod: renderUplink('eth0', podIPs),
  };
}

export interface PodNumbers {
  /** The wanted one if it is free, else the next. Throws when the node is full. */
  take(wanted?: number): number;
  release(number: number): void;
}

/** Goes round before it uses a number again, so that logs and connections of a gone pod are not taken for its successor's. */
export function createPodNumbers(nodeName: string): PodNumbers {
  const used = new Set<number>();
  let last = LAST_POD;
  return {
    take(wanted) {
      if (wanted !== undefined && wanted >= FIRST_POD && wanted <= LAST_POD && !used.has(wanted)) {
        used.add(wanted);
        return wanted;
      }
      for (let step = 1; step <= LAST_POD - FIRST_POD + 1; step++) {
        const number = FIRST_POD + ((last - FIRST_POD + step) % (LAST_POD - FIRST_POD + 1));
        if (used.has(number)) continue;
        used.add(number);
        last = number;
        return number;
      }
      throw new Error(`Node "${nodeName}" has no free pod address: all ${used.size} are taken; delete pods or add a node`);
    },
    release(number) {
      used.delete(number);
    },
  };
}
