import { createHash } from 'node:crypto';
import type { NodeIdentity } from '../../contract.ts';
import { type Family, keyOf, type ServiceEndpoint, type ServicePort, usableEndpoints } from './service-model.ts';

export const SERVICES_TABLE = 'inet palisade-services';

/** Set on packets whose source must become the node's, so that the answer comes back through here. */
const MASQUERADE_MARK = '0x4000';
/** Slots of a client-affinity table: finer means fairer; 256 keeps 16 endpoints within a few per cent of each other. */
const AFFINITY_SLOTS = 256;

export interface RenderedServices {
  /** For `nft -f`: replaces what was there in one transaction. */
  readonly text: string;
  /** Chains of single Services; the next rendering must be told, to remove those it no longer has. */
  readonly chains: ReadonlySet<string>;
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
  readonly chains: Chain[] = [];
  readonly services: Record<Family, string[]> = { 4: [], 6: [] };
  readonly nodePorts: Record<Family, string[]> = { 4: [], 6: [] };
  readonly clusterIPs: Record<Family, Set<string>> = { 4: new Set(), 6: new Set() };
  readonly hairpins: Record<Family, Set<string>> = { 4: new Set(), 6: new Set() };
  #taken = new Set<string>();

  /** Two Services must not claim one address and port; the API server sees to it, and the first wins where it could not. */
  claim(list: string[], key: string, verdict: Chain | 'drop'): void {
    if (this.#taken.has(key)) return;
    this.#taken.add(key);
    list.push(`${key} : ${verdict === 'drop' ? 'drop' : `goto ${verdict.name}`}`);
    if (verdict !== 'drop' && !this.chains.some((chain) => chain.name === verdict.name)) this.chains.push(verdict);
  }
}

function collect(node: Pick<NodeIdentity, 'name'>, plans: readonly ServicePort[]): Ruleset {
  const rules = new Ruleset();
  for (const plan of plans) {
    const { family, protocol, port } = plan;
    rules.clusterIPs[family].add(plan.clusterIP);
    for (const { ip, node: home } of plan.endpoints)
      if (home === undefined || home === node.name) rules.hairpins[family].add(`${ip} . ${ip}`);
    const internal = internalVerdict(plan, node.name);
    if (internal !== undefined) rules.claim(rules.services[family], `${plan.clusterIP} . ${protocol} . ${port}`, internal);
    const external = plan.externalIPs.length > 0 || plan.nodePort !== undefined ? externalVerdict(plan, node.name) : undefined;
    if (external === undefined) continue;
    for (const ip of plan.externalIPs) rules.claim(rules.services[family], `${ip} . ${protocol} . ${port}`, external);
    if (plan.nodePort !== undefined) rules.claim(rules.nodePorts[family], `${protocol} . ${plan.nodePort}`, external);
  }
  return rules;
}

function elements(name: string, list: Iterable<string>): string {
  const joined = [...list].join(', ');
  return joined === '' ? '' : `add element ${SERVICES_TABLE} ${name} { ${joined} }\n`;
}

/**
 * One node's Service table, in the manner of kube-proxy's nftables mode. Connections already made keep their endpoint; the base
 * chains stay in place during the change, so no packet passes without them.
 *
 * @param previous chains of the rendering that is in force now; empty for the first one
 */
export function renderServices(
  node: Pick<NodeIdentity, 'name' | 'addresses'>,
  plans: readonly ServicePort[],
  previous: ReadonlySet<string> = new Set(),
): RenderedServices {
  const rules = collect(node, plans);
  const chains = new Set(rules.chains.map((chain) => chain.name));
  const gone = [...previous].filter((name) => !chains.has(name));
  const text = [
    SKELETON,
    `flush table ${SERVICES_TABLE}\n`,
    ...SETS.map((name) => `flush ${name.startsWith('svc') || name.startsWith('np') ? 'map' : 'set'} ${SERVICES_TABLE} ${name}\n`),
    ...gone.map((name) => `delete chain ${SERVICES_TABLE} ${name}\n`),
    ...rules.chains.map((chain) => `add chain ${SERVICES_TABLE} ${chain.name}\n`),
    ...rules.chains.flatMap((chain) => chain.lines.map((line) => `add rule ${SERVICES_TABLE} ${chain.name} ${line}\n`)),
    RULES,
    elements('node4', [node.addresses[0]]),
    elements('node6', [node.addresses[1]]),
    elements('svc4', rules.services[4]),
    elements('svc6', rules.services[6]),
    elements('np4', rules.nodePorts[4]),
    elements('np6', rules.nodePorts[6]),
    elements('cluster4', rules.clusterIPs[4]),
    elements('cluster6', rules.clusterIPs[6]),
    elements('hairpin4', rules.hairpins[4]),
    elements('hairpin6', rules.hairpins[6]),
  ].join('');
  return { text, chains };
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
