import { Verdict } from '@palisade/flow';
import { canonicalAddress } from '../address.ts';
import { AddressSet } from '../compile/address-set.ts';
import { familyOf } from '../compile/drafts.ts';
import type { CompiledPod, CompiledPolicies, Direction } from '../model.ts';
import { type GatePart, gatePart } from './gate-chain.ts';
import { acceptedPrefix, type LogIds, type LogMeaning, logGroup } from './log-prefix.ts';
import type { NodeView } from './node-view.ts';
import { addressField, addressType, families, type Part, PartBuilder } from './part.ts';
import { type NftChain, type NftRuleset, type NftSet, renderChange, renderRuleset, sameRules } from './ruleset.ts';

export const netpolTable = 'inet palisade-netpol';

export interface RenderedTable {
  /** One transaction for `nft -f -`. Empty when nothing is to be done. */
  readonly text: string;
  readonly logIds: LogIds;
  /** Give it to the next rendering for this node, once `text` has been applied. */
  readonly ruleset: NftRuleset;
}

/** Names of pods' veths on a node start so (NodeView.pods[].ifname). */
const POD_INTERFACES = '"v*"';

const fixedDenial = (direction: Direction, reason: string): LogMeaning => ({ verdict: Verdict.dropped, direction, reason, isolatedBy: [] });

/**
 * The table that enforces the compiled policies on one node, for its own pods: what they send, and what they are sent.
 *
 * Without `previous` the text replaces whatever stands under the table's name: use it first after a start, before pods
 * run. With `previous` it holds only what changed; base chains stay, so no packet passes unjudged in between.
 *
 * @throws RangeError when the view cannot be believed (a DNS address the compiler was not told)
 */
export function renderNftables(compiled: CompiledPolicies, view: NodeView, previous?: NftRuleset): RenderedTable {
  for (const ip of view.dnsServiceIPs ?? []) {
    if (compiled.podByAddress.has(canonicalAddress(ip) ?? ip)) continue;
    throw new RangeError(
      `Cannot render node ${view.nodeName}: DNS address "${ip}" is not in the compiled snapshot; set ClusterSnapshot.dnsServiceIPs too`,
    );
  }
  const locals = view.pods.flatMap(({ ifname, uid, namespace, name }): LocalPod[] => {
    const pod = compiled.podByName.get(`${namespace}/${name}`);
    // A pod of the same name but another uid is another pod: the one seen here is not in the snapshot yet.
    if (!pod?.class || (pod.fact.uid !== undefined && pod.fact.uid !== uid)) return [];
    return [{ ifname, pod, egress: gatePart(compiled, pod.class, 'egress'), ingress: gatePart(compiled, pod.class, 'ingress') }];
  });
  const parts = new Set(locals.flatMap(({ egress, ingress }) => [egress?.part ?? [], ingress?.part ?? []]).flat());
  const { chains, sets, logIds } = merge([...parts, frame]);
  const { maps, self } = dispatch(compiled, locals);
  for (const [name, set] of self) sets.set(name, set);
  const ruleset = { table: netpolTable, version: compiled.version, sets, maps, chains };
  return { text: previous ? renderChange(previous, ruleset) : renderRuleset(ruleset), logIds, ruleset };
}

interface LocalPod {
  readonly ifname: string;
  readonly pod: CompiledPod;
  readonly egress: GatePart | undefined;
  readonly ingress: GatePart | undefined;
}

function merge(parts: readonly Part[]) {
  const chains = new Map<string, NftChain>();
  const sets = new Map<string, NftSet>();
  const logIds = new Map<string, LogMeaning>();
  for (const part of parts) {
    for (const [name, chain] of part.chains) {
      const known = chains.get(name);
      if (known && !sameRules(known, chain)) throw new Error(`Cannot name a chain: ${name} stands for two contents`);
      chains.set(name, known ?? chain);
    }
    for (const [name, set] of part.sets) sets.set(name, set);
    for (const [id, meaning] of part.logIds) logIds.set(id, meaning);
  }
  return { chains, sets, logIds };
}

/** Maps from a pod of this node to its gates: by veth for what it sends, by address for what it receives. */
function dispatch(compiled: CompiledPolicies, locals: readonly LocalPod[]) {
  const to = (gate: GatePart | undefined) => (gate ? `goto ${gate.root}` : 'return');
  const egress = new Map<string, string>();
  const ingress = { 4: new Map<string, string>(), 6: new Map<string, string>() };
  const self = { 4: new Set<string>(), 6: new Set<string>() };

  for (const { ifname, pod, ...gates } of locals) {
    egress.set(`"${ifname}"`, pod.hasConflict ? `goto ${conflictChain.egress}` : to(gates.egress));
    for (const address of pod.addresses) {
      self[familyOf(address)].add(`${address} . ${address}`);
      ingress[familyOf(address)].set(address, to(gates.ingress));
    }
  }
  for (const address of compiled.conflicts) ingress[familyOf(address)].set(address, `goto ${conflictChain.ingress}`);
  const maps = new Map([
    ['egress_if', { type: 'ifname', elements: egress }],
    ...families.map((family) => [`ingress${family}`, { type: addressType[family], elements: ingress[family] }] as const),
  ]);
  const sets = families.map((family): [string, NftSet] => {
    const type = `${addressType[family]} . ${addressType[family]}`;
    return [`self${family}`, { type, source: new AddressSet(self[family]) }];
  });
  return { maps, self: sets };
}

/** What every node's table has, whatever the policies. */
const frame = new PartBuilder();
const conflictChain = {
  egress: frame.denial(fixedDenial('egress', 'two pods claim this address'), false),
  ingress: frame.denial(fixedDenial('ingress', 'two pods claim this address'), false),
};
addBaseChains(frame);

function addBaseChains(builder: PartBuilder): void {
  const notInPlace = (direction: Direction) => `goto ${builder.denial(fixedDenial(direction, 'pod not in place yet'), false)}`;
  const invalid = `ct state invalid goto ${builder.denial(fixedDenial('ingress', 'packet belongs to no connection'), false)}`;
  builder.chain('from-pod', ['iifname vmap @egress_if', notInPlace('egress')]);
  builder.chain('to-pod', [
    ...families.map((family) => `${addressField(family, 'daddr')} vmap @ingress${family}`),
    `oifname ${POD_INTERFACES} ${notInPlace('ingress')}`,
  ]);

  // Packets of the original direction are judged each time: that is what ends a connection when a policy changes.
  const head = [
    'ct direction reply ct state established,related accept',
    // Path MTU discovery: an error about a reply travels in the original direction.
    'meta l4proto { icmp, ipv6-icmp } ct state related accept',
  ];
  const accepted = (prefix: string) =>
    `ct state new limit rate 200/second burst 400 packets log prefix "${prefix}" group ${logGroup} snaplen 96`;
  const hooked = (name: string, rules: readonly string[]) =>
    builder.chain(name, rules, `type filter hook ${name} priority filter; policy accept;`);
  hooked('forward', [...head, invalid, `iifname ${POD_INTERFACES} jump from-pod`, 'jump to-pod', accepted(acceptedPrefix.forwarded)]);
  hooked('input', [
    `iifname != ${POD_INTERFACES} accept`,
    ...head,
    'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, mld-listener-report, mld2-listener-report } accept',
    invalid,
    'jump from-pod',
    accepted(acceptedPrefix.node),
  ]);
  hooked('output', [
    // The kubelet reaches its own pods whatever the policies say.
    `oifname ${POD_INTERFACES} accept`,
    'oifname "lo" accept',
    ...head,
    'jump to-pod',
  ]);
}
