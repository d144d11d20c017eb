import type { KubernetesObject } from '@palisade/kubernetes';
import type { CompiledPolicies, CompiledRule, PodClass } from '../model.ts';
import type { LintFinding } from './finding.ts';

interface ServicePort {
  readonly port: number;
  readonly protocol?: string;
  readonly targetPort?: number | string;
}

/** What a Service's port leads to on a pod; undefined when nothing. */
function targetOn({ port, targetPort = port }: ServicePort, podClass: PodClass): number | undefined {
  if (typeof targetPort === 'number') return targetPort;
  return podClass.pods.flatMap((pod) => pod.fact.ports).find((named) => named.name === targetPort)?.port;
}

function selects(service: KubernetesObject, podClass: PodClass): boolean {
  const selector = (service['spec']?.selector ?? {}) as Record<string, string>;
  if (Object.keys(selector).length === 0 || (service.metadata.namespace ?? 'default') !== podClass.namespace) return false;
  // Members differ in labels that no policy names, but a Service may: one that fits is enough.
  return podClass.pods.some((pod) => Object.entries(selector).every(([key, value]) => pod.fact.labels[key] === value));
}

/** Ports of a rule that are a Service's own and not those its pods listen on: policies see packets after translation. */
export function lintServicePorts(compiled: CompiledPolicies, services: readonly KubernetesObject[]): LintFinding[] {
  const findings: LintFinding[] = [];
  const check = (rule: CompiledRule, targets: readonly PodClass[]) => {
    for (const [index, match] of (rule.parsed.ports ?? []).entries()) {
      if (!('from' in match) || match.from !== match.to) continue;
      for (const service of services) {
        const chosen = targets.filter((podClass) => selects(service, podClass));
        const ports = ((service['spec']?.ports ?? []) as ServicePort[]).filter((port) => (port.protocol ?? 'TCP') === match.protocol);
        const named = ports.find(({ port }) => port === match.from);
        if (chosen.length === 0 || !named || ports.some((port) => chosen.some((one) => targetOn(port, one) === match.from))) continue;
        const intended = targetOn(named, chosen[0]!);
        if (intended === undefined) continue;
        const { namespace = 'default', name } = service.metadata;
        findings.push({
          rule: 'service-port',
          severity: 'warning',
          policy: rule.policy.parsed.ref,
          path: `${rule.parsed.path}.ports[${index}].port`,
          message: `${match.from} is the port of Service ${namespace}/${name}; its pods listen on ${intended}, and policies see that port`,
          intended,
        });
        break;
      }
    }
  };
  for (const policy of compiled.policies) {
    if (policy.parsed.tier !== 'networkPolicy' || policy.error) continue;
    for (const rule of policy.ingress ?? []) check(rule, [...policy.subject.classes]);
    for (const rule of policy.egress ?? [])
      check(rule, rule.peers ? rule.peers.flatMap(({ selection }) => [...(selection?.classes ?? [])]) : compiled.classes);
  }
  return findings;
}
