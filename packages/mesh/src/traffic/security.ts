/** What secures a workload, from today's kinds and the old ones. */
import { resolveSecurity, type WorkloadSecurity } from '../legacy/security.ts';
import { backedPorts } from './backed-ports.ts';
import type { MeshSnapshot, Workload } from './model.ts';

/** What secures a workload, and which old resources have no effect on it. */
export function securityOf(snapshot: MeshSnapshot, workload: Workload): WorkloadSecurity {
  const { rootNamespace, trustDomains, profile } = snapshot.settings;
  const ports = backedPorts(snapshot.services, workload).map(({ service, port, targetPort }) => ({
    service: service.name,
    hostname: service.hostname,
    port: port.port,
    portName: port.name,
    targetPort,
  }));
  return resolveSecurity(snapshot, { ...workload, ports }, { rootNamespace, trustDomain: trustDomains.local, profile });
}
