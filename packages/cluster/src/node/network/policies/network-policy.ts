import { isDeepStrictEqual } from 'node:util';
import type { KubernetesObject } from '@palisade/kubernetes';
import { type ChangeType, type Clock, type Informer, systemClock } from '@palisade/kubernetes/client';
import { type CompiledPolicies, type LogMeaning, type NftRuleset, PolicyCompiler, renderNftables, speaksOfDomain } from '@palisade/netpol';
import { createCoalescer } from '../coalesce.ts';
import type { NodePlan } from '../fabric/addresses.ts';
import type { LocalPod } from '../fabric/pod-network.ts';
import type { AddressNames } from '../flows/address-names.ts';
import { netnsPath } from '../namespaces/namespace.ts';
import { type ApplyTable, createNodeTables } from '../node-tables.ts';
import { endForbiddenFlows, hasConnection } from './connection-end.ts';
import { createDomainAnswers } from './domain-answers.ts';
import { createPolicySnapshots, isSamePodForPolicies, nodeView } from './policy-snapshot.ts';

export interface PolicyEnforcerOptions {
  nodes: readonly NodePlan[];
  pods: Informer;
  namespaces: Informer;
  networkPolicies: Informer;
  /** Cluster-wide policies, when the API serves them. */
  clusterPolicies?: readonly Informer[];
  /** For the labels that policies ask of nodes. */
  nodeObjects?: Informer;
  /** The pods that have a network now, by node name. */
  placed(): ReadonlyMap<string, readonly LocalPod[]>;
  names: AddressNames;
  signal: AbortSignal;
  log(level: 'debug' | 'warn', message: string): void;
  clock?: Clock;
  apply?: ApplyTable;
  endFlows?(netns: string, compiled: CompiledPolicies): Promise<number>;
  isInUse?(netns: string, address: string): Promise<boolean>;
}

export interface PolicyEnforcer {
  /** Resolves when all that is known now is in force on every node. */
  settled(): Promise<void>;
  /**
   * DNS is about to answer. Resolves when a client that is told may connect: at once, or, where a policy speaks of the name and an
   * address is new, when it is in force.
   */
  resolved(name: string, addresses: readonly string[], ttlSeconds: number): Promise<void>;
  /** As in force, or about to be. */
  readonly compiled: CompiledPolicies;
  /** What the ids in a node's log mean, those of replaced tables included: the log lags behind. */
  readonly logIds: ReadonlyMap<string, LogMeaning>;
}

const PAUSE_MS = 5;
const MAX_LOG_IDS = 8192;

/**
 * Keeps every node's table as the policies say, one transaction a node and change. Until the first complete view of the API,
 * and for a pod that is not in the table yet, everything is dropped and logged.
 */
export async function startPolicyEnforcer(options: PolicyEnforcerOptions): Promise<PolicyEnforcer> {
  const { nodes, pods, namespaces, networkPolicies, clusterPolicies = [], signal, clock = systemClock, log } = options;
  const { apply, endFlows = endForbiddenFlows, isInUse = hasConnection, nodeObjects } = options;
  const changeTables = createNodeTables<NftRuleset>(nodes, apply);
  const logIds = new Map<string, LogMeaning>();
  const none: ReadonlyMap<string, readonly LocalPod[]> = new Map();
  const snapshotOf = createPolicySnapshots();
  const compiled = new PolicyCompiler().update(
    snapshotOf({ nodes, pods: [], namespaces: [], networkPolicies: [], clusterPolicies: [], placed: none }),
  );
  let reported = new Set<string>();
  // A pod that comes can only add to what is allowed; everything else may forbid a connection that is open.
  let mayForbid = false;

  const render = (placed: ReadonlyMap<string, readonly LocalPod[]>) => (node: NodePlan, before: NftRuleset | undefined) => {
    const { text, ruleset, logIds: fresh } = renderNftables(compiled, nodeView(node, placed), before);
    for (const [id, meaning] of fresh) {
      logIds.delete(id);
      logIds.set(id, meaning);
    }
    for (const id of logIds.keys()) {
      if (logIds.size <= MAX_LOG_IDS) break;
      logIds.delete(id);
    }
    return { text, state: ruleset };
  };

  function reportRefused(): void {
    const texts = new Set(compiled.errors.map((error) => error.message));
    for (const text of texts) if (!reported.has(text)) log('warn', `policy refused, what it selects is isolated: ${text}`);
    reported = texts;
  }

  async function enforce(): Promise<void> {
    const informers = [pods, namespaces, networkPolicies, ...clusterPolicies, ...(nodeObjects ? [nodeObjects] : [])];
    await Promise.all(informers.map((informer) => informer.hasSynced()));
    if (signal.aborted) return;
    const forbids = mayForbid;
    mayForbid = false;
    const placed = options.placed();
    compiled.update(
      snapshotOf({
        nodes,
        pods: pods.list(),
        namespaces: namespaces.list(),
        networkPolicies: networkPolicies.list(),
        clusterPolicies: clusterPolicies.flatMap((informer) => informer.list()),
        nodeObjects: nodeObjects?.list() ?? [],
        domainAddresses: answers.current,
        placed,
      }),
    );
    options.names.update(compiled);
    reportRefused();
    try {
      const hasChanged = await changeTables(render(placed));
      if (hasChanged && forbids) void ending.trigger();
    } catch (error) {
      mayForbid ||= forbids;
      throw error;
    }
  }

  const ending = createCoalescer(
    async () => {
      const counts = await Promise.all(nodes.map((node) => endFlows(netnsPath(node.netnsName), compiled)));
      const ended = counts.reduce((sum, count) => sum + count, 0);
      if (ended > 0) log('debug', `${ended} flows ended that are no longer allowed`);
    },
    { pauseMs: 50, clock, signal, onError: (error) => log('warn', `cannot end forbidden flows, trying again: ${String(error)}`) },
  );
  const coalescer = createCoalescer(enforce, {
    pauseMs: PAUSE_MS,
    clock,
    signal,
    onError: (error) => log('warn', `policies not in force, trying again: ${String(error)}`),
  });

  const answers = createDomainAnswers({
    clock,
    signal,
    isInUse: async (address) => (await Promise.all(nodes.map((node) => isInUse(netnsPath(node.netnsName), address)))).includes(true),
    onExpired: () => changed('MODIFIED'),
  });

  /** Until the addresses that were new last are in force. */
  let entering = Promise.resolve();

  // Before any pod: the table that lets nothing of a pod through.
  await changeTables(render(none));

  const changed = (type: ChangeType): void => {
    mayForbid ||= type === 'MODIFIED';
    void coalescer.trigger();
  };
  pods.onChange((type, now: KubernetesObject, before) => {
    if (type === 'MODIFIED' && before !== undefined && isSamePodForPolicies(now, before)) return;
    changed(type);
  });
  namespaces.onChange(changed);
  // Its heartbeats change nothing: they cost one look, and no table is touched.
  nodeObjects?.onChange((type, now, before) => {
    if (type !== 'MODIFIED' || !isDeepStrictEqual(now.metadata.labels, before?.metadata.labels)) changed('MODIFIED');
  });
  for (const informer of [networkPolicies, ...clusterPolicies]) informer.onChange(() => changed('MODIFIED'));
  return {
    settled: () => coalescer.trigger(),
    async resolved(name, addresses, ttlSeconds) {
      if (!speaksOfDomain(compiled, name)) return;
      if (answers.observe(name, addresses, ttlSeconds)) entering = coalescer.trigger();
      // Also for whoever asks again meanwhile.
      await entering;
    },
    compiled,
    logIds,
  };
}
