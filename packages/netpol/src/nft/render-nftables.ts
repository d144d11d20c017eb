import { Verdict } from '@palisade/flow';
import { canonicalAddress } from '../address.ts';
import type { CompiledPolicies, Direction } from '../model.ts';
import { AddressBook, type NodeView } from './address-book.ts';
import { gateChain } from './gate-chain.ts';
import { acceptedPrefix, type LogIds, type LogMeaning, logGroup } from './log-prefix.ts';
import { type NftRuleset, renderChange, renderRuleset } from './ruleset.ts';
import { addressField, addressType, families, TableBuilder } from './table-builder.ts';

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
 * The table that enforces the compiled policies on one node.
 *
 * Without `previous` the text replaces whatever stands under the table's name: use it first after a start, before pods
 * run. With `previous` it holds only what changed; base chains stay, so no packet passes unjudged in between.
 *
 * @throws RangeError when the view cannot be believed (bad address, a DNS address the compiler was not told)
 */
export function renderNftables(compiled: CompiledPolicies, view: NodeView, previous?: NftRuleset): RenderedTable {
  const book = new AddressBook(compiled, view);
  for (const ip of view.dnsServiceIPs ?? []) {
    if (compiled.podByAddress.has(canonicalAddress(ip) ?? ip)) continue;
    throw new RangeError(
      `Cannot render node ${view.nodeName}: DNS address "${ip}" is not in the compiled snapshot; set ClusterSnapshot.dnsServiceIPs too`,
    );
  }
  const builder = new TableBuilder(netpolTable, book);
  dispatch(builder, compiled, book);
  baseChains(builder);
  const ruleset = builder.build();
  return { text: previous ? renderChange(previous, ruleset) : renderRuleset(ruleset), logIds: builder.log.ids, ruleset };
}

/** Maps from a pod to its gate: by veth for what it sends, by address for what it receives, wherever it runs. */
function dispatch(builder: TableBuilder, compiled: CompiledPolicies, book: AddressBook): void {
  const conflict = (direction: Direction) => `goto ${builder.denial(fixedDenial(direction, 'two pods claim this address'), false)}`;
  const egress = builder.verdictMap('egress_if', 'ifname');
  const ingress = { 4: builder.verdictMap('ingress4', addressType[4]), 6: builder.verdictMap('ingress6', addressType[6]) };
  const self = { 4: new Set<string>(), 6: new Set<string>() };
  const familyOf = (address: string) => (address.includes(':') ? 6 : 4);

  for (const { ifname, pod } of book.locals) {
    const chain = gateChain(builder, compiled, pod.class!, 'egress');
    egress.set(`"${ifname}"`, book.hasConflict(pod) ? conflict('egress') : chain === undefined ? 'return' : `goto ${chain}`);
    for (const address of book.ofPod(pod)) {
      self[familyOf(address)].add(`${address} . ${address}`);
      ingress[familyOf(address)].set(address, 'return');
    }
  }
  for (const podClass of compiled.classes) {
    const chain = gateChain(builder, compiled, podClass, 'ingress');
    if (chain === undefined) continue;
    const { v4, v6 } = book.ofClass(podClass);
    for (const address of [...v4, ...v6]) ingress[familyOf(address)].set(address, `goto ${chain}`);
  }
  for (const address of book.conflicts) ingress[familyOf(address)].set(address, conflict('ingress'));
  for (const family of families) builder.set(`self${family}`, `${addressType[family]} . ${addressType[family]}`, self[family]);
}

function baseChains(builder: TableBuilder): void {
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
  builder.baseChain('forward', 'type filter hook forward priority filter; policy accept;', [
    ...head,
    invalid,
    `iifname ${POD_INTERFACES} jump from-pod`,
    'jump to-pod',
    accepted(acceptedPrefix.forwarded),
  ]);
  builder.baseChain('input', 'type filter hook input priority filter; policy accept;', [
    `iifname != ${POD_INTERFACES} accept`,
    ...head,
    'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, mld-listener-report, mld2-listener-report } accept',
    invalid,
    'jump from-pod',
    accepted(acceptedPrefix.node),
  ]);
  builder.baseChain('output', 'type filter hook output priority filter; policy accept;', [
    // The kubelet reaches its own pods whatever the policies say.
    `oifname ${POD_INTERFACES} accept`,
    'oifname "lo" accept',
    ...head,
    'jump to-pod',
  ]);
}
