import type { NodePlan } from './fabric/addresses.ts';
import { applyNft, netnsPath } from './namespaces/namespace.ts';

export type ApplyTable = (netns: string, text: string) => Promise<void>;

/** What brings a node's table to where it should be: one nftables transaction, empty when it is there already. */
export interface TableChange<State> {
  readonly text: string;
  /** For the next rendering, once `text` has been applied. */
  readonly state: State;
}

/**
 * Keeps one nftables table on every node, each changed from what it was made of last.
 *
 * @returns changes all nodes at the same time, one that fails does not keep back the others; resolves with whether any table changed, rejects with
 * the first failure
 */
export function createNodeTables<State>(nodes: readonly NodePlan[], apply: ApplyTable = applyNft) {
  const states = new Map<string, State>();

  async function changeOne(node: NodePlan, { text, state }: TableChange<State>): Promise<boolean> {
    // Until it is applied nothing is known to be there: after a failure the next try replaces the whole table.
    states.delete(node.name);
    if (text !== '') await apply(netnsPath(node.netnsName), text);
    states.set(node.name, state);
    return text !== '';
  }

  return async (render: (node: NodePlan, before: State | undefined) => TableChange<State>): Promise<boolean> => {
    const results = await Promise.allSettled(nodes.map(async (node) => changeOne(node, render(node, states.get(node.name)))));
    const failure = results.find((result) => result.status === 'rejected');
    if (failure !== undefined) throw failure.reason;
    return results.some((result) => result.status === 'fulfilled' && result.value);
  };
}
