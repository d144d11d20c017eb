/** Any proxy's configuration. */
import { compileGateway } from '../gateway/compile.ts';
import { type Memo, withoutMemo } from './memo.ts';
import type { MeshSnapshot, ProxyConfig, Workload } from './model.ts';
import { compileSidecar } from './sidecar.ts';

/** @returns the very same object while nothing that this proxy can see has changed, when `memo` keeps it */
export function compileProxy(snapshot: MeshSnapshot, workload: Workload, memo: Memo = withoutMemo): ProxyConfig {
  return workload.isGateway ? compileGateway(snapshot, workload, memo) : compileSidecar(snapshot, workload, memo);
}
