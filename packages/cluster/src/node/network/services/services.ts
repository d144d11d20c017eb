import { createHash } from 'node:crypto';
import type { NodeIdentity } from '../../../contract.ts';
import type { TableChange } from '../node-tables.ts';
import { keyOf, type ServiceEndpoint, type ServicePort, usableEndpoints } from './service-model.ts';

const SERVICES_TABLE = 'inet palisade-services';

/** Set on packets whose source must become the node's, so that the answer comes back through here. */
const MASQUERADE_MARK = '0x4000';
/** Slots of a client-affinity table: finer means fairer; 256 keeps 16 endpoints within a few per cent of each other. */
const AFFINITY_SLOTS = 256;

/** What is in force on a node: the next rendering holds only what differs from it. */
export interface ServiceState {
  /** Rules by chain. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** Elements by map or set: key, then ` : verdict` or nothing. */
  readonly elements: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

interface Chain {
  readonly name: string;
  readonly lines: readonly string[];
}

function target(endpoint: ServiceEndpoint): string {
  return `${endpoint.ip} . ${endpoint.port}`;
}

/**
 * A client keeps its endpoint as long as that one is there: its address picks a slot, and each slot goes to the endpoint with
 * the highest hash, so one endpoint's end moves only its own clients. No state, so every node agrees and reloads forget nothing.
 */
function affinitySlots(endpoints: readonly ServiceEndpoint[]): string {
  const slots = Array.from({ length: AFFINITY_SLOTS }, (_, slot) => {
    const scored = endpoints.map((endpoint) => ({
      endpoint,
      score: createHash('sha1')
        .update(`${slot} ${target(endpoint)}`)
        .digest('hex'),
    }));
    return scored.reduce((best, next) => (next.score > best.score ? next : best)).endpoint;
  });
  return slots.map((endpoint, slot) => `${slot} : ${target(endpoint)}`).join(', ');
}

function renderDnat(plan: ServicePort, endpoints: readonly ServiceEndpoint[]): string {
  const ip = plan.family === 4 ? 'ip' : 'ip6';
  const comment = `comment "${`${plan.namespace}/${plan.name}:${plan.portName || plan.port}`.slice(0, 120)}"`;
  const head = `meta l4proto ${plan.protocol} dnat ${ip} to`;
  const only = endpoints[0];
  if (endpoints.length === 1 && only !== undefined)
    return `${head} ${plan.family === 4 ? only.ip : `[${only.ip}]`}:${only.port} ${comment}`;
  if (plan.hasClientAffinity)
    return `${head} jhash ${ip} saddr mod ${AFFINITY_SLOTS} seed 0x1 map { ${affinitySlots(endpoints)} } ${comment}`;
  const choices = endpoints.map((endpoint, index) => `${index} : ${target(endpoint)}`).join(', ');
  return `${head} numgen random mod ${endpoints.length} map { ${choices} } ${comment}`;
}

function chainName(kind: 'svc' | 'ext', plan: ServicePort): string {
  return `${kind}-${createHash('sha1').update(keyOf(plan)).digest('hex').slice(0, 16)}`;
}

/** From pods and the node to the cluster address. `undefined`: refused, like an address nobody has. */
function internalVerdict(plan: ServicePort, nodeName: string): Chain | 'drop' | undefined {
  const all = usableEndpoints(plan);
  if (all.length === 0) return undefined;
  const chosen = plan.isInternalLocal ? usableEndpoints(plan, nodeName) : all;
  if (chosen.length === 0) return 'drop';
  return { name: chainName('svc', plan), lines: [renderDnat(plan, chosen)] };
}

/** From anywhere to a node port or external address. */
function externalVerdict(plan: ServicePort, nodeName: string): Chain | 'drop' | undefined {
  const all = usableEndpoints(plan);
  if (all.length === 0) return undefined;
  const name = chainName('ext', plan);
  if (!plan.isExternalLocal) return { name, lines: [`meta mark set meta mark or ${MASQUERADE_MARK}`, renderDnat(plan, all)] };
  const local = usableEndpoints(plan, nodeName);
  // The policy is about traffic from outside of the node; its own pods reach every endpoint (as kube-proxy decides).
  const own = `iifname "v*" ${renderDnat(plan, all)}`;
  return { name, lines: [own, local.length > 0 ? renderDnat(plan, local) : 'drop'] };
}

class Ruleset {
  readonly chains = new Map<string, readonly string[]>();
  readonly elements = new Map<string, Map<string, string>>(SETS.map((name) => [name, new Map()]));

  add(set: string, key: string): void {
    this.elements.get(set)!.set(key, '');
  }

  /** Two Services must not claim one address and port; the API server sees to it, and the first wins where it could not. */
  claim(map: string, key: string, verdict: Chain | 'drop'): void {
    const entries = this.elements.get(map)!;
    if (entries.has(key)) return;
    entries.set(key, verdict === 'drop' ? ' : drop' : ` : goto ${verdict.name}`);
    if (verdict !== 'drop') this.chains.set(verdict.name, verdict.lines);
  }
}

function collect(node: Pick<NodeIdentity, 'name' | 'addresses'>, plans: readonly ServicePort[]): ServiceState {
  const rules = new Ruleset();
  rules.add('node4', node.addresses[0]);
  rules.add('node6', node.addresses[1]);
  for (const plan of plans) {
    const { family, protocol, port } = plan;
    rules.add(`cluster${family}`, plan.clusterIP);
    for (const { ip, node: home } of plan.endpoints)
      if (home === undefined || home === node.name) rules.add(`hairpin${family}`, `${ip} . ${ip}`);
    const internal = internalVerdict(plan, node.name);
    if (internal !== undefined) rules.claim(`svc${family}`, `${plan.clusterIP} . ${protocol} . ${port}`, internal);
    const external = plan.externalIPs.length > 0 || plan.nodePort !== undefined ? externalVerdict(plan, node.name) : undefined;
    if (external === undefined) continue;
    for (const ip of plan.externalIPs) rules.claim(`svc${family}`, `${ip} . ${protocol} . ${port}`, external);
    if (plan.nodePort !== undefined) rules.claim(`np${family}`, `${protocol} . ${plan.nodePort}`, external);
  }
  return rules;
}

const nothing: ServiceState = { chains: new Map(), elements: new Map() };

/** Order matters: a verdict names a chain that is there, and a chain goes only when no verdict names it. */
function renderChange(before: ServiceState, now: ServiceState): string {
  const lines: string[] = [];
  for (const name of now.chains.keys()) if (!before.chains.has(name)) lines.push(`add chain ${SERVICES_TABLE} ${name}`);
  for (const [name, rules] of now.chains) {
    const old = before.chains.get(name);
    if (old !== undefined && old.join('\n') === rules.join('\n')) continue;
    if (old !== undefined) lines.push(`flush chain ${SERVICES_TABLE} ${name}`);
    for (const rule of rules) lines.push(`add rule ${SERVICES_TABLE} ${name} ${rule}`);
  }
  const change = (verb: 'add' | 'delete', set: string, entries: readonly string[]) => {
    if (entries.length > 0) lines.push(`${verb} element ${SERVICES_TABLE} ${set} { ${entries.join(', ')} }`);
  };
  for (const set of SETS) {
    const old = before.elements.get(set) ?? new Map<string, string>();
    const next = now.elements.get(set)!;
    const differs = (a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>) =>
      [...a].filter(([key, value]) => b.get(key) !== value);
    change(
      'delete',
      set,
      differs(old, next).map(([key]) => key),
    );
    change(
      'add',
      set,
      differs(next, old).map(([key, value]) => `${key}${value}`),
    );
  }
  for (const name of before.chains.keys())
    if (!now.chains.has(name)) lines.push(`flush chain ${SERVICES_TABLE} ${name}`, `delete chain ${SERVICES_TABLE} ${name}`);
  return lines.map((line) => `${line}\n`).join('');
}

/**
 * One node's Service table, in the manner of kube-proxy's nftables mode. Connections already made keep their endpoint; the base
 * chains stay in place during a change, so no packet passes without them.
 *
 * @param previous what is in force now; absent: the table is made anew, whatever stands under its name
 */
export function renderServices(
  node: Pick<NodeIdentity, 'name' | 'addresses'>,
  plans: readonly ServicePort[],
  previous?: ServiceState,
): TableChange<ServiceState> {
  const state = collect(node, plans);
  if (previous !== undefined) return { text: renderChange(previous, state), state };
  const anew = `table ${SERVICES_TABLE} { }\ndelete table ${SERVICES_TABLE}\n`;
  return { text: `${anew}${SKELETON}${RULES}${renderChange(nothing, state)}`, state };
}

const SETS = ['svc4', 'svc6', 'np4', 'np6', 'node4', 'node6', 'cluster4', 'cluster6', 'hairpin4', 'hairpin6'] as const;

const SKELETON = `table ${SERVICES_TABLE} {
  map svc4 { type ipv4_addr . inet_proto . inet_service : verdict; }
  map svc6 { type ipv6_addr . inet_proto . inet_service : verdict; }
  map np4 { type inet_proto . inet_service : verdict; }
  map np6 { type inet_proto . inet_service : verdict; }
  set node4 { type ipv4_addr; }
  set node6 { type ipv6_addr; }
  set cluster4 { type ipv4_addr; }
  set cluster6 { type ipv6_addr; }
  set hairpin4 { type ipv4_addr . ipv4_addr; }
  set hairpin6 { type ipv6_addr . ipv6_addr; }
  chain services { }
  chain refuse { }
  chain refusal { }
  chain pre { type nat hook prerouting priority dstnat; policy accept; }
  chain out { type nat hook output priority -100; policy accept; }
  chain post { type nat hook postrouting priority srcnat; policy accept; }
  chain refuse-forward { type filter hook forward priority -1; policy accept; }
  chain refuse-output { type filter hook output priority -1; policy accept; }
}
`;

/** What still carries a cluster address after translation has no endpoint, or no such port. A reset, as ICMP errors are rationed. */
const RULES = `table ${SERVICES_TABLE} {
  chain services {
    ip daddr . meta l4proto . th dport vmap @svc4
    ip6 daddr . meta l4proto . th dport vmap @svc6
    ip daddr @node4 meta l4proto . th dport vmap @np4
    ip6 daddr @node6 meta l4proto . th dport vmap @np6
  }
  chain refuse {
    ip daddr @cluster4 goto refusal
    ip6 daddr @cluster6 goto refusal
  }
  chain refusal {
    meta l4proto tcp reject with tcp reset
    reject
  }
  chain pre { jump services; }
  chain out { jump services; }
  chain post {
    meta mark and ${MASQUERADE_MARK} != 0 masquerade
    ip saddr . ip daddr @hairpin4 masquerade
    ip6 saddr . ip6 daddr @hairpin6 masquerade
  }
  chain refuse-forward { jump refuse; }
  chain refuse-output { jump refuse; }
}
`;
