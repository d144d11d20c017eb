import type { PolicyRef } from '@palisade/flow';
import { parseCidr } from '../address.ts';
import { PolicyError } from '../errors.ts';
import type { ParsedPeer, ParsedPolicy, ParsedRule, PortMatch, RuleAction, Tier } from '../model.ts';
import { everything, parseSelector, type Selector } from '../selector.ts';
import { isInAuditMode } from './audit-mode.ts';
import { maxPort, readPortName } from './ports.ts';
import { type Fields, type Located, readInteger, readList, readObject, readOneOf, readString, refuse, requireField } from './reader.ts';
import { attempt, within } from './refusal.ts';

/** What differs between the three kinds of `policy.networking.k8s.io`. */
interface Dialect {
  readonly kind: string;
  readonly apiVersions: readonly string[];
  readonly specFields: readonly string[];
  readonly portsField: 'ports' | 'protocols';
  readonly actions: Readonly<Record<string, RuleAction>>;
  /** v1alpha1's types read a missing selector as `{}`; v1alpha2 demands it. */
  readonly isPodSelectorOptional: boolean;
  readonly place: (spec: Fields) => { readonly tier: Tier; readonly priority: number };
  readonly readPort: (at: Located) => PortMatch;
}

const readPriority = (spec: Fields): number => readInteger(requireField(spec, 'priority', 'spec'), 0, 1000);

const dialects: readonly Dialect[] = [
  {
    kind: 'ClusterNetworkPolicy',
    apiVersions: ['policy.networking.k8s.io/v1alpha2'],
    specFields: ['tier', 'priority', 'subject', 'ingress', 'egress'],
    portsField: 'protocols',
    actions: { Accept: 'Accept', Deny: 'Deny', Pass: 'Pass' },
    isPodSelectorOptional: false,
    place: (spec) => {
      const tier = readOneOf(requireField(spec, 'tier', 'spec'), ['Admin', 'Baseline']);
      return { tier: tier === 'Admin' ? 'admin' : 'baseline', priority: readPriority(spec) };
    },
    readPort: readProtocol,
  },
  {
    kind: 'AdminNetworkPolicy',
    apiVersions: ['policy.networking.k8s.io/v1alpha1'],
    specFields: ['priority', 'subject', 'ingress', 'egress'],
    portsField: 'ports',
    actions: { Allow: 'Accept', Deny: 'Deny', Pass: 'Pass' },
    isPodSelectorOptional: true,
    place: (spec) => ({ tier: 'admin', priority: readPriority(spec) }),
    readPort: readAdminPort,
  },
  {
    kind: 'BaselineAdminNetworkPolicy',
    apiVersions: ['policy.networking.k8s.io/v1alpha1'],
    specFields: ['subject', 'ingress', 'egress'],
    portsField: 'ports',
    actions: { Allow: 'Accept', Deny: 'Deny' },
    isPodSelectorOptional: true,
    // It has no priority; ClusterNetworkPolicies of the tier, which have one, come first.
    place: () => ({ tier: 'baseline', priority: 1001 }),
    readPort: readAdminPort,
  },
];

/** One field of an object that must hold exactly one of several. */
function readUnion(at: Located, names: readonly string[]): { readonly name: string; readonly at: Located } {
  const given = Object.entries(readObject(at, names));
  if (given.length !== 1) throw refuse(at.path, at.value, `exactly one of ${names.join(', ')}`);
  const [name, value] = given[0]!;
  return { name, at: value };
}

function readRange(at: Located): { from: number; to: number } {
  const fields = readObject(at, ['start', 'end', 'protocol']);
  const from = readInteger(requireField(fields, 'start', at.path), 1, maxPort);
  return { from, to: readInteger(requireField(fields, 'end', at.path), from + 1, maxPort) };
}

/** `AdminNetworkPolicyPort`. */
function readAdminPort(at: Located): PortMatch {
  const { name, at: value } = readUnion(at, ['portNumber', 'portRange', 'namedPort']);
  if (name === 'namedPort') return { name: readPortName(value) };
  const fields = readObject(value, name === 'portNumber' ? ['protocol', 'port'] : ['protocol', 'start', 'end']);
  const protocol = fields['protocol'] === undefined ? 'TCP' : readOneOf(fields['protocol'], ['TCP', 'UDP', 'SCTP']);
  if (name === 'portRange') return { protocol, ...readRange(value) };
  const port = readInteger(requireField(fields, 'port', value.path), 1, maxPort);
  return { protocol, from: port, to: port };
}

/** `ClusterNetworkPolicyProtocol`. */
function readProtocol(at: Located): PortMatch {
  const { name, at: value } = readUnion(at, ['tcp', 'udp', 'sctp', 'destinationNamedPort']);
  if (name === 'destinationNamedPort') return { name: readPortName(value) };
  const protocol = name === 'tcp' ? 'TCP' : name === 'udp' ? 'UDP' : 'SCTP';
  const destination = readObject(value, ['destinationPort'])['destinationPort'];
  if (destination === undefined) return { protocol, from: 1, to: maxPort };
  const port = readUnion(destination, ['number', 'range']);
  if (port.name === 'range') return { protocol, ...readRange(port.at) };
  const number = readInteger(port.at, 1, maxPort);
  return { protocol, from: number, to: number };
}

function readPods(at: Located, dialect: Dialect): { namespaces: Selector; pods: Selector } {
  const fields = readObject(at, ['namespaceSelector', 'podSelector']);
  const { namespaceSelector } = fields;
  const podSelector = dialect.isPodSelectorOptional ? fields['podSelector'] : requireField(fields, 'podSelector', at.path);
  const read = (selector: Located | undefined) => (selector === undefined ? everything : parseSelector(selector));
  return { namespaces: read(namespaceSelector), pods: read(podSelector) };
}

const DOMAIN_NAME = /^(\*\.)?(?:[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?\.?$/i;

function readPeer(at: Located, names: readonly string[], dialect: Dialect): ParsedPeer {
  const { name, at: value } = readUnion(at, names);
  const { path } = at;
  switch (name) {
    case 'namespaces':
      return { path, kind: 'pods', namespaces: parseSelector(value), pods: everything };
    case 'pods':
      return { path, kind: 'pods', ...readPods(value, dialect) };
    case 'nodes':
      return { path, kind: 'nodes', nodes: parseSelector(value) };
    case 'domainNames': {
      const domains = (readList(value) ?? []).map((entry) => {
        const domain = readString(entry);
        if (!DOMAIN_NAME.test(domain)) throw refuse(entry.path, domain, 'a domain name, "*." before it for all names below it');
        return domain.toLowerCase().replace(/\.$/, '');
      });
      return { path, kind: 'domainNames', domains };
    }
    default: {
      const entries = readList(value) ?? [];
      const ranges = entries.map((entry) => {
        const cidr = parseCidr(readString(entry));
        if (typeof cidr === 'string') throw refuse(entry.path, entry.value, `a CIDR (${cidr})`);
        return cidr;
      });
      return { path, kind: 'addresses', ranges, text: entries.map((entry) => entry.value).join(', ') };
    }
  }
}

const insidePeers = ['namespaces', 'pods'];
const outsidePeers = ['nodes', 'networks', 'domainNames'];

function readRule(at: Located, index: number, peersField: 'from' | 'to', dialect: Dialect): ParsedRule {
  const fields = readObject(at, ['name', 'action', peersField, dialect.portsField]);
  const action = dialect.actions[readOneOf(requireField(fields, 'action', at.path), Object.keys(dialect.actions))]!;
  const peerNames = peersField === 'from' ? insidePeers : [...insidePeers, ...outsidePeers];
  const peersAt = requireField(fields, peersField, at.path);
  const peers = readList(peersAt)!.map((peer) => readPeer(peer, peerNames, dialect));
  if (peers.length === 0) throw new PolicyError('required', peersAt.path, 'must hold at least one peer');
  const named = peers.find((peer) => peer.kind === 'domainNames');
  if (named && action !== 'Accept')
    throw new PolicyError('forbidden', named.path, 'domainNames may only be accepted: a denied name is reached by its address');
  const ports = (readList(fields[dialect.portsField]) ?? []).map(dialect.readPort);
  const toOutside = peers.some((peer) => peer.kind !== 'pods');
  if (toOutside && ports.some((port) => 'name' in port)) {
    throw new PolicyError(
      'forbidden',
      fields[dialect.portsField]!.path,
      'a named port means nothing outside of pods: give numbers with nodes, networks and domainNames',
    );
  }
  const name = fields['name'] === undefined ? undefined : readString(fields['name']);
  return { path: at.path, index, ...(name !== undefined && { name }), action, peers, ...(ports.length > 0 && { ports }) };
}

function readSubject(at: Located, dialect: Dialect): ParsedPolicy['subject'] {
  const { name, at: value } = readUnion(at, ['namespaces', 'pods']);
  return name === 'namespaces' ? { namespaces: parseSelector(value), pods: everything } : readPods(value, dialect);
}

function dialectOf(object: unknown): Dialect {
  const { apiVersion, kind } = (object ?? {}) as { apiVersion?: unknown; kind?: unknown };
  const dialect = dialects.find((known) => known.kind === kind);
  if (!dialect) throw refuse('kind', kind, dialects.map((known) => known.kind).join(' or '));
  if (!dialect.apiVersions.some((known) => known === apiVersion)) throw refuse('apiVersion', apiVersion, dialect.apiVersions.join(' or '));
  return dialect;
}

function refOf(object: unknown, { kind }: Dialect): PolicyRef {
  const name = (object as { metadata?: { name?: unknown } }).metadata?.name;
  if (typeof name !== 'string') throw refuse('metadata.name', name, 'a string');
  return { kind, name };
}

/**
 * Reads a ClusterNetworkPolicy (v1alpha2), AdminNetworkPolicy or BaselineAdminNetworkPolicy (v1alpha1).
 *
 * @throws PolicyError naming the policy and the field when any part of it cannot be understood
 */
export function parseClusterPolicy(object: unknown): ParsedPolicy {
  const dialect = dialectOf(object);
  const ref = refOf(object, dialect);
  return within(ref, () => {
    if (dialect.kind === 'BaselineAdminNetworkPolicy' && ref.name !== 'default')
      throw refuse('metadata.name', ref.name, '"default", the only one there is');
    const spec = readObject({ value: (object as { spec?: unknown }).spec ?? {}, path: 'spec' }, dialect.specFields);
    return {
      ref,
      ...dialect.place(spec),
      isAudit: isInAuditMode(object),
      subject: readSubject(requireField(spec, 'subject', 'spec'), dialect),
      ingress: (readList(spec['ingress']) ?? []).map((at, index) => readRule(at, index, 'from', dialect)),
      egress: (readList(spec['egress']) ?? []).map((at, index) => readRule(at, index, 'to', dialect)),
    };
  });
}

/**
 * What a refused cluster-wide policy still does: it denies everything to and from its subject, in its tier. A subject or
 * place that cannot be read is taken as wide and early as possible.
 *
 * @returns undefined when it is no object of these kinds with a name
 */
export function denyForRefusedPolicy(object: unknown): ParsedPolicy | undefined {
  return attempt(() => {
    const dialect = dialectOf(object);
    const ref = refOf(object, dialect);
    const raw = ((object as { spec?: unknown }).spec ?? {}) as Record<string, unknown>;
    const fields: Fields = {};
    for (const name of dialect.specFields)
      if (raw[name] !== undefined && raw[name] !== null) fields[name] = { value: raw[name], path: `spec.${name}` };
    const deny = (direction: 'ingress' | 'egress'): ParsedRule => ({ path: `spec.${direction}`, index: 0, action: 'Deny' });
    return {
      ref,
      ...(attempt(() => dialect.place(fields)) ?? { tier: 'admin', priority: 0 }),
      isAudit: isInAuditMode(object),
      subject: attempt(() => readSubject(requireField(fields, 'subject', 'spec'), dialect)) ?? { namespaces: everything, pods: everything },
      ingress: [deny('ingress')],
      egress: [deny('egress')],
    };
  });
}
