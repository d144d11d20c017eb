/** Envoy's RBAC rules as Istio 1.4 and 1.5 wrote them, read literally: old field names, credentials as metadata of filter `istio_authn`. */
import { BlockList, isIPv6 } from 'node:net';
import type { AuthzFacts } from '@palisade/mesh';

type Node = Readonly<Record<string, unknown>>;

export interface OldRbac {
  readonly policies: Readonly<Record<string, { readonly permissions: readonly Node[]; readonly principals: readonly Node[] }>>;
}

export function allowsOld(rbac: OldRbac, facts: AuthzFacts): boolean {
  return Object.values(rbac.policies).some(
    (policy) => policy.permissions.some((node) => holds(node, facts)) && policy.principals.some((node) => holds(node, facts)),
  );
}

function holds(node: Node, facts: AuthzFacts): boolean {
  const [kind = '', value] = Object.entries(node)[0] ?? [];
  const list = () => ((value as Node)['rules'] ?? (value as Node)['ids']) as Node[];
  switch (kind) {
    case 'any':
      return value === true;
    case 'andRules':
    case 'andIds':
      return list().every((inner) => holds(inner, facts));
    case 'orRules':
    case 'orIds':
      return list().some((inner) => holds(inner, facts));
    case 'notRule':
    case 'notId':
      return !holds(value as Node, facts);
    case 'header':
      return headerHolds(value as Node, facts);
    case 'destinationPort':
      return value === facts.destinationPort;
    case 'destinationIp':
      return inBlock(value as Node, facts.destinationIp);
    case 'sourceIp':
      return inBlock(value as Node, facts.sourceIp);
    case 'metadata':
      return metadataHolds(value as Node, facts);
    default:
      throw new Error(`"${kind}" is not read`);
  }
}

function headerHolds(header: Node, { http }: AuthzFacts): boolean {
  const name = String(header['name']).toLowerCase();
  const value = name === ':method' ? http!.method : name === ':path' ? http!.path : http!.headers.get(name)?.[0];
  if (value === undefined) return false;
  if (header['presentMatch'] === true) return true;
  return textHolds({ exact: header['exactMatch'], prefix: header['prefixMatch'], suffix: header['suffixMatch'] }, value);
}

function textHolds(match: Node, text: string): boolean {
  const regex = (match['safeRegex'] as Node | undefined)?.['regex'] ?? match['regex'];
  if (regex !== undefined) return new RegExp(`^(?:${regex})$`).test(text);
  if (match['prefix'] !== undefined) return text.startsWith(String(match['prefix']));
  return match['suffix'] === undefined ? text === match['exact'] : text.endsWith(String(match['suffix']));
}

function inBlock(block: Node, address: string): boolean {
  const list = new BlockList();
  const family = (text: string) => (isIPv6(text) ? 'ipv6' : 'ipv4');
  const network = String(block['addressPrefix']);
  list.addSubnet(network, Number(block['prefixLen']), family(network));
  return list.check(address, family(address));
}

function metadataHolds(node: Node, facts: AuthzFacts): boolean {
  const path = (node['path'] as { key: string }[]).map(({ key }) => key);
  return valueHolds(node['value'] as Node, factAt(String(node['filter']), path, facts));
}

function factAt(filter: string, [first = '', second]: string[], { peer, http, metadata }: AuthzFacts): unknown {
  if (filter !== 'istio_authn') return metadata?.[filter]?.[first];
  const claims = http?.claims ?? {};
  if (first === 'source.principal') return peer?.slice('spiffe://'.length);
  if (first === 'request.auth.principal') return claims['iss'] === undefined ? undefined : `${claims['iss']}/${claims['sub']}`;
  if (first === 'request.auth.audiences') return claims['aud'];
  if (first === 'request.auth.presenter') return claims['azp'];
  return claims[second!] === undefined ? undefined : [claims[second!]].flat();
}

function valueHolds(match: Node, value: unknown): boolean {
  const { stringMatch, listMatch } = match as { stringMatch?: Node; listMatch?: { oneOf: Node } };
  if (listMatch !== undefined) return Array.isArray(value) && value.some((item) => valueHolds(listMatch.oneOf, item));
  return typeof value === 'string' && textHolds(stringMatch!, value);
}
