import type { KubernetesObject } from '@palisade/kubernetes';

/**
 * The variables of Docker links that kubelet sets for each Service (`DB_SERVICE_HOST`, `DB_PORT_80_TCP_ADDR` …). Headless
 * and ExternalName Services have none.
 *
 * @param services in the pod's namespace, or the single `kubernetes` one when links are off
 */
export function renderServiceLinks(services: readonly KubernetesObject[]): Record<string, string> {
  const env: Record<string, string> = {};
  for (const service of [...services].sort((a, b) => (a.metadata.name! < b.metadata.name! ? -1 : 1))) {
    const { clusterIP, ports = [] } = (service['spec'] ?? {}) as { clusterIP?: string; ports?: ServicePort[] };
    const first = ports[0];
    if (!clusterIP || clusterIP === 'None' || first === undefined) continue;
    const prefix = variableName(service.metadata.name!);
    const host = clusterIP.includes(':') ? `[${clusterIP}]` : clusterIP;
    env[`${prefix}_SERVICE_HOST`] = clusterIP;
    env[`${prefix}_SERVICE_PORT`] = String(first.port);
    for (const port of ports) if (port.name) env[`${prefix}_SERVICE_PORT_${variableName(port.name)}`] = String(port.port);
    env[`${prefix}_PORT`] = `${protocolOf(first)}://${host}:${first.port}`;
    for (const port of ports) {
      const protocol = protocolOf(port);
      const base = `${prefix}_PORT_${port.port}_${protocol.toUpperCase()}`;
      env[base] = `${protocol}://${host}:${port.port}`;
      env[`${base}_PROTO`] = protocol;
      env[`${base}_PORT`] = String(port.port);
      env[`${base}_ADDR`] = clusterIP;
    }
  }
  return env;
}

interface ServicePort {
  name?: string;
  port: number;
  protocol?: string;
}

function variableName(name: string): string {
  return name.toUpperCase().replaceAll('-', '_');
}

function protocolOf(port: ServicePort): string {
  return (port.protocol ?? 'TCP').toLowerCase();
}
