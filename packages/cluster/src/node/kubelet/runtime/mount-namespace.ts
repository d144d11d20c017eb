import { readdirSync, readlinkSync } from 'node:fs';

/** Which mount namespace a process is in; undefined when it is gone. Every container has one of its own. */
export function mountNamespaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`);
  } catch {
    return undefined;
  }
}

/** Processes in this mount namespace: a container's own and those that were started in it by exec. */
export function membersOf(mountNamespace: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => mountNamespaceOf(pid) === mountNamespace);
}

/** A process that is being killed may have made another one since it was listed. */
const MAX_SWEEPS = 20;

export function killMembers(mountNamespace: string): void {
  for (let sweep = 0; sweep < MAX_SWEEPS; sweep++) {
    const members = membersOf(mountNamespace);
    if (members.length === 0) return;
    for (const pid of members) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // Gone in the meantime.
      }
    }
  }
}
