import type { KubernetesObject, StatusCause } from '@palisade/kubernetes';
import type { Strategy } from './strategy.ts';

type Family = 'IPv4' | 'IPv6';

/**
 * Families and policy a Service ends up with (KEP-563): nothing asked means the first family alone; a dual-stack policy adds the
 * second one. Mutates `spec`.
 */
function settleFamilies(spec: KubernetesObject['spec'], available: readonly Family[], old: KubernetesObject | undefined): StatusCause[] {
  if (spec.type === 'ExternalName') {
    for (const field of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy', 'internalTrafficPolicy']) delete spec[field];
    return [];
  }
  const given: Family[] = spec.ipFamilies ?? [];
  const fromAddresses: Family[] = (spec.clusterIPs ?? (spec.clusterIP ? [spec.clusterIP] : []))
    .filter((address: string) => address !== 'None' && address !== '')
    .map((address: string) => (address.includes(':') ? 'IPv6' : 'IPv4'));
  const families: Family[] = given.length > 0 ? [...given] : [...fromAddresses];
  const unsupported = families.find((family) => !available.includes(family));
  if (unsupported !== undefined) {
    return [
      {
        reason: 'FieldValueInvalid',
        message: `Invalid value: "${unsupported}": not configured on this cluster`,
        field: `spec.ipFamilies[${families.indexOf(unsupported)}]`,
      },
    ];
  }
  const oldPolicy = old?.['spec']?.ipFamilyPolicy;
  spec.ipFamilyPolicy ??= oldPolicy ?? (families.length > 1 ? 'RequireDualStack' : 'SingleStack');
  if (spec.ipFamilyPolicy === 'RequireDualStack' && available.length < 2) {
    return [
      {
        reason: 'FieldValueInvalid',
        message: 'Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services',
        field: 'spec.ipFamilyPolicy',
      },
    ];
  }
  if (families.length === 0) {
    // A headless service without selector has its endpoints elsewhere and may have both families.
    const wide = spec.clusterIP === 'None' && spec.selector === undefined && old === undefined && spec.ipFamilyPolicy === undefined;
    families.push(...(wide ? available : available.slice(0, 1)));
  }
  if (spec.ipFamilyPolicy === 'SingleStack') {
    families.length = 1;
    if (old !== undefined && spec.clusterIPs !== undefined) spec.clusterIPs = spec.clusterIPs.slice(0, 1);
  } else {
    for (const family of available) if (!families.includes(family)) families.push(family);
  }
  spec.ipFamilies = families;
  return [];
}

export const serviceStrategy: Strategy = {
  prepareForUpdate(service, old) {
    const spec = service['spec'];
    const before = old['spec'] ?? {};
    // kubectl apply sends Services without what the server allocated: keep it (as the registry's "patchAllocatedValues").
    // What the server gave goes with the type that needed it; other addresses are the writer's mistake.
    if (spec.type === 'ExternalName' && before.type !== 'ExternalName' && spec.clusterIP === before.clusterIP) {
      delete spec.clusterIP;
      delete spec.clusterIPs;
    }
    const needsAddress = spec.type !== 'ExternalName' && before.type !== 'ExternalName';
    if (needsAddress) {
      if (!spec.clusterIP && !spec.clusterIPs?.length) {
        if (before.clusterIP !== undefined) spec.clusterIP = before.clusterIP;
        if (before.clusterIPs !== undefined) spec.clusterIPs = [...before.clusterIPs];
      }
      if (!spec.ipFamilies?.length && before.ipFamilies !== undefined) spec.ipFamilies = [...before.ipFamilies];
      spec.ipFamilyPolicy ??= before.ipFamilyPolicy;
    }
    const hasNodePorts = (type: string) => type === 'NodePort' || type === 'LoadBalancer';
    if (hasNodePorts(spec.type) && hasNodePorts(before.type)) {
      for (const port of spec.ports ?? []) {
        if (port.nodePort) continue;
        const same = before.ports?.find(
          (candidate: { port: number; protocol: string }) => candidate.port === port.port && candidate.protocol === port.protocol,
        );
        const taken = spec.ports.some(
          (other: { nodePort?: number; protocol: string }) => other.nodePort === same?.nodePort && other.protocol === port.protocol,
        );
        if (same?.nodePort && !taken) port.nodePort = same.nodePort;
      }
    } else if (!hasNodePorts(spec.type) && hasNodePorts(before.type)) {
      for (const port of spec.ports ?? []) {
        const kept = before.ports?.some((candidate: { nodePort?: number }) => candidate.nodePort === port.nodePort);
        if (kept) delete port.nodePort;
      }
    }
  },
  allocate(service, old, core, isDryRun) {
    const spec = service['spec'];
    // "clusterIP" is the older name of "clusterIPs[0]" and the two must agree.
    if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
    const causes = settleFamilies(spec, core.services.families, old);
    if (causes.length > 0) return { causes };
    const allocation = core.services.allocate(service, old, isDryRun);
    return allocation.ok ? { undo: allocation.release } : { causes: allocation.causes };
  },
  stored(service, old, core) {
    if (old !== undefined) core.services.settle(service, old);
  },
  removed(service, core) {
    core.services.free(service);
  },
};
