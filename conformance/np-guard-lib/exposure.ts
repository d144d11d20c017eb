import { analyzeExposure, type CompiledPolicies, type ExposedPeer, formatConnections, type Selector } from '@palisade/netpol';
import { canonicalConnections, type Row } from './rows.ts';

const arrow = { egress: '=>', ingress: '<=' } as const;

const partOf = (key: string, operator: string, values: readonly string[]): string =>
  operator === 'In' && values.length === 1 ? `${key}=${values[0]}` : `${key} ${operator} ${[...values].sort().join(' ')}`;

const canonical = (selector: Selector): string =>
  selector.requirements
    .map(({ key, operator, values }) => partOf(key, operator, values))
    .sort()
    .join();

/** np-guard's `[namespace with {…}]/[pod with {…}]`, with requirements in one order and spelling. */
function nameOf({ namespaces, pods }: ExposedPeer): string {
  const all = (selector: Selector) => selector.requirements.length === 0;
  if (typeof namespaces !== 'string' && all(namespaces) && all(pods)) return 'entire-cluster';
  const where =
    typeof namespaces === 'string' ? namespaces : all(namespaces) ? '[all namespaces]' : `[namespace with ${canonical(namespaces)}]`;
  return `${where}/${all(pods) ? '[all pods]' : `[pod with ${canonical(pods)}]`}`;
}

function canonicalName(text: string): string {
  return text.replace(/ with \{(.*?)\}\](?=\/|$)/g, (_, inner: string) => {
    const expressions = [...inner.matchAll(/\{Key:([^,]+),Operator:(\w+),Values:\[([^\]]*)\],\}/g)];
    const labels = inner
      .replace(/\{Key:[^}]*\}/g, '')
      .split(',')
      .filter((part) => part !== '');
    const parts = [
      ...labels,
      ...expressions.map(([, key, operator, values]) => partOf(key!, operator!, values!.split(' ').filter(Boolean))),
    ];
    return ` with ${parts.sort().join()}]`;
  });
}

/** The exposure to pods that do not exist, and who is protected by nothing. */
export function exposureRows(compiled: CompiledPolicies): Row[] {
  const { exposures, unprotected } = analyzeExposure(compiled);
  const rows = exposures.map(({ workload, direction, peer, connections }) => ({
    source: workload,
    destination: `${arrow[direction]} ${nameOf(peer)}`,
    connections: canonicalConnections(formatConnections(connections)),
  }));
  return [
    ...rows,
    ...unprotected.map(({ workload, direction }) => ({ source: workload, destination: direction, connections: 'not protected' })),
  ];
}

/** np-guard's section on exposure. Rows about addresses repeat those of the connectivity, which are compared there. */
export function parseExposureRows(text: string): Row[] {
  const section = text.slice(text.indexOf('Exposure Analysis Result'));
  return section.split('\n').flatMap((line): Row[] => {
    const protection = /^(\S+) is not protected on (Egress|Ingress)/.exec(line);
    if (protection) return [{ source: protection[1]!, destination: protection[2]!.toLowerCase(), connections: 'not protected' }];
    const match = /^(\S+)\s+(=>|<=)\s+(.+?) : (.+?)\s*$/.exec(line);
    if (!match || match[3]!.endsWith('[External]')) return [];
    return [{ source: match[1]!, destination: `${match[2]} ${canonicalName(match[3]!)}`, connections: canonicalConnections(match[4]!) }];
  });
}
