import type { PolicyRef } from '@palisade/flow';
import type { KubernetesObject } from '@palisade/kubernetes';
import { parseAddress, rangesContain } from '../address.ts';
import { resolvePortName } from '../evaluate.ts';
import type { CompiledPolicies, CompiledPolicy, CompiledRule, ParsedPeer, PodClass } from '../model.ts';
import { describeSelector, type Selector } from '../selector.ts';
import type { LintFinding, LintRule } from './finding.ts';
import { lintServicePorts } from './services.ts';
import { lintShadowed } from './shadowed.ts';

const directions = ['ingress', 'egress'] as const;

/**
 * Finds what is written otherwise than it was probably meant. Findings depend on the snapshot: a policy that selects nothing
 * today may be waiting for pods to come.
 *
 * @param objects wire objects: policies, for what parsing does not keep (a selector left null), and Services, for their ports
 */
export function lintPolicies(compiled: CompiledPolicies, objects: readonly unknown[] = []): LintFinding[] {
  const findings: LintFinding[] = [];
  for (const error of compiled.errors) {
    if (error.policy)
      findings.push({
        rule: 'refused',
        severity: 'error',
        policy: error.policy,
        path: error.path,
        message: `${error.problem}; its pods are isolated until it is mended`,
      });
  }
  for (const policy of compiled.policies) {
    if (policy.error) continue;
    findings.push(...lintSubject(policy));
    for (const direction of directions) for (const rule of policy[direction] ?? []) findings.push(...lintRule(compiled, rule));
    findings.push(...lintDns(compiled, policy));
  }
  const wire = objects as readonly KubernetesObject[];
  const services = wire.filter((object) => object?.kind === 'Service');
  return [...findings, ...lintServicePorts(compiled, services), ...lintShadowed(compiled), ...objects.flatMap(lintNulls)];
}

function warn(rule: LintRule, policy: PolicyRef, path: string, message: string): LintFinding {
  return { rule, severity: 'warning', policy, path, message };
}

function lintSubject({ parsed, subject }: CompiledPolicy): LintFinding[] {
  if (subject.classes.size > 0) return [];
  const where = parsed.namespace === undefined ? 'any namespace' : `namespace ${parsed.namespace}`;
  const path = parsed.tier === 'networkPolicy' ? 'spec.podSelector' : 'spec.subject';
  return [
    warn('selects-nothing', parsed.ref, path, `no pod in ${where} has ${describeSelector(parsed.subject.pods)}: the policy does nothing`),
  ];
}

function lintRule(compiled: CompiledPolicies, rule: CompiledRule): LintFinding[] {
  const { parsed, policy } = rule;
  const { ref } = policy.parsed;
  const findings = lintOr(rule);
  for (const { parsed: peer, selection, ranges } of rule.peers ?? []) {
    if (selection && selection.classes.size === 0 && !isUnseenDns(compiled, peer))
      findings.push(warn('peer-selects-nothing', ref, peer.path, `no pod matches ${describePeer(peer, policy.parsed.namespace)}`));
    if (peer.kind === 'addresses' && ranges) {
      const inside = [...compiled.podByAddress]
        .filter(([ip]) => rangesContain(ranges, parseAddress(ip)!))
        .map(([ip, pod]) => (pod === 'conflict' ? ip : `${pod.fact.namespace}/${pod.fact.name}`));
      if (inside.length > 0) {
        const names = [...new Set(inside)];
        findings.push(
          warn(
            'ip-block-covers-pods',
            ref,
            peer.path,
            `${peer.text} also means ${names.length} pods, such as ${names[0]}: their addresses change; name pods by selectors`,
          ),
        );
      }
    }
  }
  for (const match of parsed.ports ?? []) {
    if (!('name' in match)) continue;
    const where: Iterable<PodClass> = rule.direction === 'ingress' ? policy.subject.classes : destinationsOf(compiled, rule);
    const known = [...where];
    if (known.length > 0 && !known.some((podClass) => resolvePortName(podClass, match).length > 0)) {
      findings.push(
        warn(
          'port-name-unknown',
          ref,
          `${parsed.path}.ports`,
          `no pod the rule leads to has a ${match.protocol ?? ''} port named "${match.name}": the port matches nothing`.replace(
            'a  port',
            'a port',
          ),
        ),
      );
    }
  }
  return findings;
}

/** Manifests rarely hold the cluster's DNS: a peer that names it is not empty for that. */
function isUnseenDns({ pods }: CompiledPolicies, peer: ParsedPeer): boolean {
  const names = peer.kind === 'pods' && peer.pods.requirements.some(({ key, values }) => key === 'k8s-app' && values.includes('kube-dns'));
  return names && !pods.some(({ fact }) => fact.namespace === 'kube-system');
}

function destinationsOf(compiled: CompiledPolicies, rule: CompiledRule): readonly PodClass[] {
  return rule.peers ? rule.peers.flatMap(({ selection }) => [...(selection?.classes ?? [])]) : compiled.classes;
}

/** The trap: `- namespaceSelector` followed by `- podSelector`, one dash too many. */
function lintOr({ parsed, policy }: CompiledRule): LintFinding[] {
  const own = policy.parsed.namespace;
  const peers = parsed.peers ?? [];
  if (policy.parsed.tier !== 'networkPolicy' || own === undefined) return [];
  return peers.slice(1).flatMap((second, index) => {
    const first = peers[index]!;
    if (first.kind !== 'pods' || second.kind !== 'pods') return [];
    const isPair = first.namespaces && first.pods.requirements.length === 0 && !second.namespaces;
    if (!isPair) return [];
    const meaning = `every pod in namespaces with ${describeSelector(first.namespaces!)}, OR pods of ${own} with ${describeSelector(second.pods)}`;
    const intent = `for pods with ${describeSelector(second.pods)} in those namespaces, remove the dash before podSelector`;
    return [warn('or-instead-of-and', policy.parsed.ref, second.path, `this means ${meaning}; ${intent}`)];
  });
}

function describePeer(peer: ParsedPeer, own: string | undefined): string {
  if (peer.kind !== 'pods') return 'the peer';
  const text = (selector: Selector) => describeSelector(selector);
  return peer.namespaces
    ? `${text(peer.pods)} in namespaces with ${text(peer.namespaces)}`
    : `${text(peer.pods)} in ${own ?? 'any namespace'}`;
}

/** Egress isolation without any rule for port 53 over UDP to pods: names stop resolving. A policy without egress rules means it. */
function lintDns(compiled: CompiledPolicies, policy: CompiledPolicy): LintFinding[] {
  const { parsed } = policy;
  if (parsed.tier !== 'networkPolicy' || !policy.egress || policy.egress.length === 0) return [];
  const servers = new Set([...compiled.pods].filter((pod) => pod.fact.labels['k8s-app'] === 'kube-dns').flatMap((pod) => pod.class ?? []));
  const reachesDns = (rule: CompiledRule) => {
    const isPort = !rule.parsed.ports || rule.parsed.ports.some((match) => isDnsPort(match, servers));
    const isPeer =
      !rule.peers ||
      rule.peers.some(({ selection, ranges }) =>
        selection ? servers.size === 0 || [...servers].some((server) => selection.classes.has(server)) : ranges!.length > 0,
      );
    return isPort && isPeer;
  };
  const cutOff = [...policy.subject.classes].filter((podClass) => {
    const gate = podClass.gates.egress;
    return gate.isolating.length > 0 && ![...gate.admin, ...gate.isolating.flatMap((isolating) => isolating.egress!)].some(reachesDns);
  });
  if (cutOff.length === 0) return [];
  const pod = cutOff[0]!.pods[0]!.fact;
  return [
    warn(
      'dns-cut-off',
      parsed.ref,
      'spec.egress',
      `no rule lets ${pod.namespace}/${pod.name} ask DNS (UDP 53): names stop resolving for the pods it selects`,
    ),
  ];
}

function isDnsPort(match: NonNullable<CompiledRule['parsed']['ports']>[number], servers: ReadonlySet<PodClass>): boolean {
  if ('from' in match) return match.protocol === 'UDP' && match.from <= 53 && match.to >= 53;
  return [...servers].some((server) => resolvePortName(server, match).some((named) => named.protocol === 'UDP'));
}

/** `matchLabels:` or `podSelector:` with nothing after the colon. */
function lintNulls(object: unknown): LintFinding[] {
  const { kind, metadata, spec } = (object ?? {}) as { kind?: string; metadata?: { name?: string; namespace?: string }; spec?: unknown };
  if (kind === undefined || metadata?.name === undefined || !/NetworkPolicy$/.test(kind)) return [];
  const policy: PolicyRef = { kind, name: metadata.name, ...(metadata.namespace !== undefined && { namespace: metadata.namespace }) };
  const found: LintFinding[] = [];
  const walk = (value: unknown, path: string) => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      const at = Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`;
      if (inner === null && /^(matchLabels|matchExpressions|podSelector|namespaceSelector)$/.test(key)) {
        const meaning = key.endsWith('Selector') ? 'is as if it were not written' : 'asks for nothing: the selector takes everything';
        found.push(
          warn('null-selector', policy, at, `${key} is left empty and ${meaning}; write {} if that is meant, or indent what follows`),
        );
      }
      walk(inner, at);
    }
  };
  walk(spec, 'spec');
  return found;
}
