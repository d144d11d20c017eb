/** Any proxy's configuration. */
import { compileGateway } from '../gateway/compile.ts';
import type { MeshSnapshot, ProxyConfig, Workload } from './model.ts';
import { compileSidecar } from './sidecar.ts';

export function compileProxy(snapshot: MeshSnapshot, workload: Workload): ProxyConfig {
  return workload.isGateway ? compileGateway(snapshot, workload) : compileSidecar(snapshot, workload);
}
