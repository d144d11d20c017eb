import { readdirSync, readFileSync } from 'node:fs';
import { mountNamespaceOf } from '../node/kubelet/runtime/mount-namespace.ts';
import { addUsage, parseProcess, type Usage } from './usage.ts';

/**
 * What the processes of some containers use, all of them in one walk through /proc. A container's processes are those in its mount namespace,
 * programs started by exec included.
 *
 * @param inits by a name of the caller's choice, the pid of each container's init
 * @returns containers that are still there
 */
export function readUsage(inits: ReadonlyMap<string, number>): Map<string, Usage> {
  const names = new Map<string, string>();
  for (const [name, pid] of inits) {
    const namespace = mountNamespaceOf(pid);
    if (namespace !== undefined) names.set(namespace, name);
  }
  const usages = new Map<string, Usage>();
  if (names.size === 0) return usages;
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const name = names.get(mountNamespaceOf(Number(pid)) ?? '');
    const usage = name === undefined ? undefined : readProcess(pid);
    if (name === undefined || usage === undefined) continue;
    const before = usages.get(name);
    usages.set(name, before === undefined ? usage : addUsage(before, usage));
  }
  return usages;
}

function readProcess(pid: string): Usage | undefined {
  try {
    return parseProcess(readFileSync(`/proc/${pid}/stat`, 'utf8'), readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return undefined;
  }
}
