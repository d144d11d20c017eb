import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ImageDefinition } from '../../../images/index.ts';
import type { Pod } from '../pod-types.ts';
import type { MachineFacts } from '../runtime/layout.ts';

/** The synthetic files that all containers of a pod share. */
export interface PodFiles {
  readonly hosts: string;
  readonly hostname: string;
  readonly resolvConf: string;
}

/** Linux' bound on a host name. */
const MAX_HOSTNAME = 63;

export function podHostname(pod: Pod, nodeName: string): string {
  if (pod.spec.hostNetwork) return nodeName.slice(0, MAX_HOSTNAME);
  return (pod.spec.hostname ?? pod.metadata.name ?? 'pod').slice(0, MAX_HOSTNAME).replace(/[-.]+$/, '');
}

/** /etc/hosts of a pod (kubelet `ensureHostsFile`). */
export function renderHosts(pod: Pod, hostname: string, podIPs: readonly string[], clusterDomain: string): string {
  const lines = [
    '# Kubernetes-managed hosts file.',
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::\tip6-localnet',
    'fe00::\tip6-mcastprefix',
    'fe00::1\tip6-allnodes',
    'fe00::2\tip6-allrouters',
  ];
  const { subdomain } = pod.spec;
  const names = subdomain === undefined ? hostname : `${hostname}.${subdomain}.${pod.metadata.namespace}.svc.${clusterDomain}\t${hostname}`;
  for (const ip of podIPs) lines.push(`${ip}\t${names}`);
  const aliases = pod.spec.hostAliases ?? [];
  if (aliases.length > 0) lines.push('', '# Entries added by HostAliases.');
  for (const { ip, hostnames = [] } of aliases) lines.push(`${ip}\t${hostnames.join('\t')}`);
  return `${lines.join('\n')}\n`;
}

export function writePodFiles(folder: string, content: { hosts: string; hostname: string; resolvConf: string }): PodFiles {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const write = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    chmodSync(path, 0o644);
    return path;
  };
  return {
    hosts: write('hosts', content.hosts),
    hostname: write('hostname', `${content.hostname}\n`),
    resolvConf: write('resolv.conf', content.resolvConf),
  };
}

const PASSWD = [
  'root:x:0:0:root:/root:/bin/sh',
  'daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin',
  'www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin',
  'nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin',
];
const GROUP = ['root:x:0:', 'daemon:x:1:', 'tty:x:5:', 'www-data:x:33:', 'nogroup:x:65534:'];
const NSSWITCH = 'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nservices: files\nprotocols: files\n';

/** A container's own /etc, with empty places for what is bound into it. */
export function writeEtc(folder: string, definition: ImageDefinition, facts: MachineFacts, isFolder: (path: string) => boolean): void {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const lines = (own: readonly string[] | undefined, base: readonly string[]) => {
    const names = new Set((own ?? []).map((line) => line.split(':')[0]));
    return `${[...base.filter((line) => !names.has(line.split(':')[0])), ...(own ?? [])].join('\n')}\n`;
  };
  writeFileSync(join(folder, 'passwd'), lines(definition.passwd, PASSWD), { mode: 0o644 });
  writeFileSync(join(folder, 'group'), lines(definition.group, GROUP), { mode: 0o644 });
  writeFileSync(join(folder, 'nsswitch.conf'), NSSWITCH, { mode: 0o644 });
  for (const name of ['hosts', 'hostname', 'resolv.conf', 'ld.so.preload']) writeFileSync(join(folder, name), '', { mode: 0o644 });
  for (const path of facts.sharedEtc) {
    const place = join(folder, path.slice('/etc/'.length));
    if (isFolder(path)) mkdirSync(place, { recursive: true, mode: 0o755 });
    else {
      mkdirSync(join(place, '..'), { recursive: true, mode: 0o755 });
      writeFileSync(place, '');
    }
  }
}
