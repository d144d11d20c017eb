import { existsSync } from 'node:fs';
import { clusterPaths } from '@palisade/cluster';
import { defaultCluster } from './paths.ts';

/** --kubeconfig, then KUBECONFIG, then the cluster of this machine. */
export function kubeconfigToUse(given: string | undefined): string {
  const local = clusterPaths(defaultCluster).kubeconfig;
  const chosen = given ?? process.env['KUBECONFIG'] ?? local;
  if (!existsSync(chosen))
    throw new Error(`No cluster: ${chosen} does not exist. Start one with "palisade up", or name one with --kubeconfig.`);
  return chosen;
}
