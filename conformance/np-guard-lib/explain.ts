/** np-guard's explanations against ours: for each stretch of connections the verdict and the policies behind it, at both ends. */
import { type CompiledPolicies, type EndVerdict, evaluatePacket, type PacketEnd, workloadName } from '@palisade/netpol';

interface EndClaim {
  readonly isAllowed: boolean;
  /** `NetworkPolicy ns/name`; empty: the system's default. */
  readonly policies: readonly string[];
}

interface Claim {
  readonly source: string;
  readonly destination: string;
  readonly isAllowed: boolean;
  /** `TCP, UDP:[53,80-90]` */
  readonly connections: string;
  readonly egress?: EndClaim;
  readonly ingress?: EndClaim;
}

const NETWORKS = /^# .*?(?: in (.+?))? +#$/;
const KINDS = '(?:Baseline)?(?:Admin)?NetworkPolicy';

/** Only what concerns the pod network and primary networks; what Ingress objects or isolated networks explain is no policy's doing. */
export function parseExplanation(text: string): Claim[] {
  const claims: Claim[] = [];
  let pair: { source: string; destination: string } | undefined;
  let isForeign = false;
  let claim: { isAllowed: boolean; connections: string; egress?: EndClaim; ingress?: EndClaim } | undefined;
  let end: { isAllowed: boolean; policies: string[] } | undefined;
  const clean = (name: string) => name.replace('[udn]', '');
  const finish = () => {
    if (pair && claim && !isForeign) claims.push({ ...pair, ...claim });
    claim = undefined;
    end = undefined;
  };
  for (const line of text.split('\n')) {
    const network = NETWORKS.exec(line);
    if (network) {
      finish();
      isForeign = network[1]?.startsWith('secondary') === true;
      pair = undefined;
      continue;
    }
    if (line.startsWith('Exposure Analysis Result')) break;
    const heading = /^(?:Connections between )?(\S+) => (\S+?):?$/.exec(line);
    if (heading) {
      finish();
      pair = { source: clean(heading[1]!), destination: clean(heading[2]!) };
      const open = { isAllowed: true, policies: [] };
      // A pair without a paragraph of its own stands in the list of what the default allows.
      if (!line.startsWith('Connections')) claim = { isAllowed: true, connections: 'TCP, UDP, SCTP', egress: open, ingress: open };
      continue;
    }
    const stretch = /^\t(Allowed|Denied) (.+?) due to (.+)$/.exec(line);
    if (stretch) {
      finish();
      const [, verdict, connections, reason] = stretch as unknown as [string, string, string, string];
      if (/user defined networks/.test(reason)) continue;
      const open = { isAllowed: true, policies: [] };
      claim = { isAllowed: verdict === 'Allowed', connections, ...(/system default/.test(reason) && { egress: open, ingress: open }) };
      continue;
    }
    const side = /^\t\t(Egress|Ingress) \((Allowed|Denied)\)/.exec(line);
    if (side && claim) {
      end = { isAllowed: side[2] === 'Allowed', policies: [] };
      claim[side[1] === 'Egress' ? 'egress' : 'ingress'] = end;
      continue;
    }
    const policy = new RegExp(`^\\t\\t\\t[\\t -]*(${KINDS}) '([^']+)'`).exec(line);
    if (policy && end) end.policies.push(`${policy[1]} ${policy[2]}`);
  }
  finish();
  return claims;
}

/** The first and last port of each stretch. */
function samplesOf(connections: string): { protocol: string; port: number }[] {
  return [...connections.matchAll(/(TCP|UDP|SCTP)(?::\[([^\]]+)\])?/g)].flatMap(([, protocol, list]) =>
    (list ?? '1-65535').split(',').flatMap((range) => range.split('-').map((port) => ({ protocol: protocol!, port: Number(port) }))),
  );
}

const text = (ref: { kind: string; namespace?: string; name: string }): string =>
  `${ref.kind} ${ref.namespace === undefined ? '' : `${ref.namespace}/`}${ref.name}`;

function differsAt(found: EndVerdict, claimed: EndClaim): string | undefined {
  if (found.allowed !== claimed.isAllowed) return `is ${found.allowed ? 'allowed' : 'denied'} (${found.reason})`;
  const named = new Set(claimed.policies);
  const passed = found.passedBy && text(found.passedBy.policy);
  if (passed !== undefined && !named.delete(passed)) return `${passed} passes it on`;
  if (found.kind === 'no-rule') {
    const isolating = found.isolatedBy.map(text);
    return isolating.every((one) => named.has(one)) && isolating.length === named.size ? undefined : `isolated by ${isolating.join(', ')}`;
  }
  if (found.kind === 'rule') return named.has(text(found.policy!)) ? undefined : `decided by ${text(found.policy!)}`;
  return named.size === 0 ? undefined : `decided by nobody (${found.reason})`;
}

/** @returns what is explained otherwise, a line each; pairs with an end that is no workload or address of ours are left out */
export function explanationDifferences(claims: readonly Claim[], compiled: CompiledPolicies): string[] {
  const pods = new Map(compiled.pods.map(({ fact }) => [workloadName(fact), `${fact.namespace}/${fact.name}`]));
  const endOf = (name: string): PacketEnd | undefined => {
    const range = /^(\d+\.\d+\.\d+\.\d+)-/.exec(name);
    if (range) return { ip: range[1]! };
    const pod = pods.get(name);
    return pod === undefined ? undefined : { pod };
  };
  return claims.flatMap(({ source, destination, isAllowed, connections, ...ends }) => {
    const [src, dst] = [endOf(source), endOf(destination)];
    if (!src || !dst) return source.startsWith('{') ? [] : [`- ${source} => ${destination}: not known`];
    return samplesOf(connections).flatMap((sample) => {
      const verdict = evaluatePacket(compiled, { src, dst, ...sample });
      const what = `${source} => ${destination} ${sample.protocol} ${sample.port}`;
      const wrong = (['egress', 'ingress'] as const).flatMap((direction) => {
        const claimed = ends[direction];
        const difference = claimed && differsAt(verdict[direction], claimed);
        return difference === undefined ? [] : [`${what}: ${direction} ${difference}`];
      });
      return verdict.allowed === isAllowed ? wrong : [`${what}: ${verdict.allowed ? 'allowed' : 'denied'}`, ...wrong];
    });
  });
}
