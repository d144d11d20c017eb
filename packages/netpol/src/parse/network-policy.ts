import type { PolicyRef } from '@palisade/flow';
import { type AddressRange, type Cidr, parseCidr, subtractRanges } from '../address.ts';
import { PolicyError } from '../errors.ts';
import type { Direction, ParsedPeer, ParsedPolicy, ParsedRule } from '../model.ts';
import { everything, parseSelector } from '../selector.ts';
import { isInAuditMode } from './audit-mode.ts';
import { parsePolicyPort } from './ports.ts';
import { type Fields, type Located, readList, readObject, readOneOf, readString, refuse, requireField } from './reader.ts';
import { attempt, within } from './refusal.ts';

function readCidr(at: Located): Cidr {
  const text = readString(at);
  const cidr = parseCidr(text);
  if (typeof cidr === 'string') throw refuse(at.path, text, `a CIDR (${cidr})`);
  return cidr;
}

function parseIpBlock(at: Located): ParsedPeer {
  const fields = readObject(at, ['cidr', 'except']);
  const cidrAt = requireField(fields, 'cidr', at.path);
  const cidr = readCidr(cidrAt);
  const holes: AddressRange[] = [];
  const exceptTexts: string[] = [];
  for (const exceptAt of readList(fields['except']) ?? []) {
    const hole = readCidr(exceptAt);
    const isInside = hole.family === cidr.family && hole.first >= cidr.first && hole.last <= cidr.last && hole.prefix > cidr.prefix;
    if (!isInside) throw refuse(exceptAt.path, exceptAt.value, `a strict part of ${cidrAt.value}`);
    holes.push(hole);
    exceptTexts.push(String(exceptAt.value));
  }
  const text = exceptTexts.length === 0 ? String(cidrAt.value) : `${cidrAt.value} except ${exceptTexts.join(', ')}`;
  return { path: at.path, kind: 'addresses', ranges: subtractRanges([cidr], holes), text };
}

/** `NetworkPolicyPeer`: both selectors in one element mean AND; two elements mean OR (the YAML trap of a stray dash). */
function parsePeer(at: Located): ParsedPeer {
  const fields = readObject(at, ['podSelector', 'namespaceSelector', 'ipBlock']);
  const { podSelector, namespaceSelector, ipBlock } = fields;
  if (ipBlock !== undefined) {
    if (podSelector !== undefined || namespaceSelector !== undefined) {
      throw new PolicyError('forbidden', at.path, 'ipBlock may not be combined with podSelector or namespaceSelector');
    }
    return parseIpBlock(ipBlock);
  }
  if (podSelector === undefined && namespaceSelector === undefined) {
    throw new PolicyError('required', at.path, 'must hold podSelector, namespaceSelector or ipBlock');
  }
  const pods = podSelector === undefined ? everything : parseSelector(podSelector);
  return namespaceSelector === undefined
    ? { path: at.path, kind: 'pods', pods }
    : { path: at.path, kind: 'pods', namespaces: parseSelector(namespaceSelector), pods };
}

function parseRule(at: Located, index: number, peersField: 'from' | 'to'): ParsedRule {
  const fields = readObject(at, [peersField, 'ports']);
  const peers = readList(fields[peersField])?.map(parsePeer);
  const ports = readList(fields['ports'])?.map(parsePolicyPort);
  return {
    path: at.path,
    index,
    action: 'Accept',
    // Missing and empty lists both mean "any" here (NetworkPolicyIngressRule.from, .ports).
    ...(peers && peers.length > 0 && { peers }),
    ...(ports && ports.length > 0 && { ports }),
  };
}

/** Missing or empty `policyTypes`: Ingress always, Egress when there is at least one egress rule (the API server's default). */
function readPolicyTypes(spec: Fields): readonly Direction[] {
  const types = (readList(spec['policyTypes']) ?? []).map((at) => readOneOf(at, ['Ingress', 'Egress']));
  if (types.length > 0) return types.map((type) => (type === 'Ingress' ? 'ingress' : 'egress'));
  return (readList(spec['egress']) ?? []).length > 0 ? ['ingress', 'egress'] : ['ingress'];
}

const SPEC_FIELDS = ['podSelector', 'policyTypes', 'ingress', 'egress'];

interface Envelope {
  readonly ref: PolicyRef;
  readonly namespace: string;
  readonly spec: Fields;
}

function readEnvelope(object: unknown): Envelope {
  // Fields beside spec are the API server's business; only what decides is read strictly.
  if (typeof object !== 'object' || object === null) throw refuse('', object, 'a NetworkPolicy object');
  const { metadata, spec } = object as { metadata?: { name?: unknown; namespace?: unknown }; spec?: unknown };
  if (typeof metadata?.name !== 'string') throw refuse('metadata.name', metadata?.name, 'a string');
  if (typeof metadata.namespace !== 'string') throw refuse('metadata.namespace', metadata.namespace, 'a string');
  const ref: PolicyRef = { kind: 'NetworkPolicy', namespace: metadata.namespace, name: metadata.name };
  return { ref, namespace: metadata.namespace, spec: within(ref, () => readObject({ value: spec ?? {}, path: 'spec' }, SPEC_FIELDS)) };
}

/**
 * Reads one `networking.k8s.io/v1` NetworkPolicy.
 *
 * @throws PolicyError naming the policy and the field when any part of it cannot be understood
 */
export function parseNetworkPolicy(object: unknown): ParsedPolicy {
  const { ref, namespace, spec } = readEnvelope(object);
  return within(ref, () => {
    const types = readPolicyTypes(spec);
    const selectorAt = spec['podSelector'];
    // Rules of a direction that policyTypes leaves out are still checked: a policy is good or refused as a whole.
    const rules = {
      ingress: (readList(spec['ingress']) ?? []).map((at, index) => parseRule(at, index, 'from')),
      egress: (readList(spec['egress']) ?? []).map((at, index) => parseRule(at, index, 'to')),
    };
    return {
      ref,
      tier: 'networkPolicy',
      priority: 0,
      namespace,
      isAudit: isInAuditMode(object),
      subject: { pods: selectorAt === undefined ? everything : parseSelector(selectorAt) },
      ...(types.includes('ingress') && { ingress: rules.ingress }),
      ...(types.includes('egress') && { egress: rules.egress }),
    };
  });
}

/**
 * What a refused policy still does: it isolates the pods it selects and allows nothing. What of the subject and the
 * directions cannot be read is taken as wide as possible: all pods of the namespace, both directions.
 *
 * @returns undefined when not even name and namespace are there: no pod can belong to it
 */
export function isolateForRefusedPolicy(object: unknown): ParsedPolicy | undefined {
  const metadata = (object as { metadata?: { name?: unknown; namespace?: unknown } } | null)?.metadata;
  if (typeof metadata?.name !== 'string' || typeof metadata.namespace !== 'string') return undefined;
  const spec = (object as { spec?: unknown }).spec;
  const raw = (typeof spec === 'object' && spec !== null ? spec : {}) as Record<string, unknown>;
  const fields: Fields = {};
  for (const name of SPEC_FIELDS)
    if (raw[name] !== undefined && raw[name] !== null) fields[name] = { value: raw[name], path: `spec.${name}` };
  const types = attempt(() => readPolicyTypes(fields)) ?? ['ingress', 'egress'];
  const pods = attempt(() => (fields['podSelector'] === undefined ? everything : parseSelector(fields['podSelector']))) ?? everything;
  return {
    ref: { kind: 'NetworkPolicy', namespace: metadata.namespace, name: metadata.name },
    tier: 'networkPolicy',
    priority: 0,
    namespace: metadata.namespace,
    isAudit: isInAuditMode(object),
    subject: { pods },
    ...(types.includes('ingress') && { ingress: [] }),
    ...(types.includes('egress') && { egress: [] }),
  };
}
