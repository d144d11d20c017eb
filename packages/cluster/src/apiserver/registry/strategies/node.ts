import type { Strategy } from './strategy.ts';

interface Taint {
  key: string;
  effect: string;
}

/** A new node takes no pods until its controller has seen it ready (admission plugin TaintNodesByCondition). */
export const nodeStrategy: Strategy = {
  admit(node) {
    const taints: Taint[] = node['spec']?.taints ?? [];
    if (taints.some((taint) => taint.key === 'node.kubernetes.io/not-ready' && taint.effect === 'NoSchedule')) return;
    node['spec'] = { ...node['spec'], taints: [...taints, { effect: 'NoSchedule', key: 'node.kubernetes.io/not-ready' }] };
  },
};
