/** What of the host a cluster must leave as it was. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

export interface HostSnapshot {
  readonly firewall: string;
  readonly links: string;
  readonly addresses: string;
  readonly routes: string;
  readonly rules: string;
  readonly namespaces: string;
  readonly resolver: string;
  readonly mounts: string;
  readonly forwarding: string;
  readonly packages: string;
  readonly cgroups: string;
  readonly processes: string;
}

export function snapshotHost(): HostSnapshot {
  return {
    firewall: output('nft', 'list', 'ruleset'),
    links: output('ip', '-o', 'link').replaceAll(/qlen \d+/g, ''),
    addresses: output('ip', '-o', 'address').replaceAll(/valid_lft.*/g, ''),
    routes: output('ip', 'route', 'show', 'table', 'all') + output('ip', '-6', 'route', 'show', 'table', 'all'),
    rules: output('ip', 'rule') + output('ip', '-6', 'rule'),
    namespaces: output('ip', 'netns', 'list'),
    resolver: existsSync('/etc/resolv.conf') ? readFileSync('/etc/resolv.conf', 'utf8') : '',
    mounts: readFileSync('/proc/self/mounts', 'utf8'),
    forwarding: readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8') + readFileSync('/proc/sys/net/ipv6/conf/all/forwarding', 'utf8'),
    packages: existsSync('/var/lib/dpkg/status') ? String(readFileSync('/var/lib/dpkg/status').length) : '',
    cgroups: cgroupsNamed('palisade'),
    processes: processesNamed(/supervisor\/main\.ts|bwrap|apache2|microsim/),
  };
}

function output(command: string, ...args: string[]): string {
  return spawnSync(command, args, { encoding: 'utf8' }).stdout ?? '';
}

function cgroupsNamed(prefix: string): string {
  const found: string[] = [];
  for (const controller of existsSync('/sys/fs/cgroup') ? readdirSync('/sys/fs/cgroup', { withFileTypes: true }) : []) {
    if (!controller.isDirectory()) continue;
    if (controller.name.startsWith(prefix)) found.push(controller.name);
    for (const child of readdirSync(`/sys/fs/cgroup/${controller.name}`, { withFileTypes: true })) {
      if (child.isDirectory() && child.name.startsWith(prefix)) found.push(`${controller.name}/${child.name}`);
    }
  }
  return found.join('\n');
}

function processesNamed(pattern: RegExp): string {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      } catch {
        return '';
      }
    })
    .filter((command) => pattern.test(command))
    .join('\n');
}
