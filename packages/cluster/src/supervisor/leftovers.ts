import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { cgroupPrefix, createCgroups } from '../node/kubelet/runtime/cgroups.ts';
import type { ClusterPaths } from './state.ts';

/** Control groups are the one thing that does not die with the process tree. Call when it is gone. */
export function removeLeftovers(paths: ClusterPaths): void {
  const nodes = nodesFolder(paths.stateDir);
  if (!existsSync(nodes)) return;
  // Empty groups go at once; a dying process holds its group for a moment longer.
  for (const node of readdirSync(nodes)) void createCgroups(cgroupPrefix(join(nodes, node))).removeAll();
}

/** One folder a virtual node: logs and volumes of its pods. */
export function nodesFolder(stateDir: string): string {
  return join(stateDir, 'nodes');
}
