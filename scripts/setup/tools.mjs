// Programs the embedded cluster needs, from the distribution's own packages, unpacked under the user's cache. The machine's
// installed packages, package lists and services stay as they are: apt works on private lists and a private archive folder.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installKubectl } from './kubectl.mjs';
import { cacheDir, giveToUser, makeUserDir } from './paths.mjs';

const packages = [
  'nftables',
  'iproute2',
  'conntrack',
  'bubblewrap',
  'curl',
  'busybox-static',
  'apache2-bin',
  'libapache2-mod-security2',
  'modsecurity-crs',
];

/** Commands that get a wrapper in `tools/bin`, which stands last on PATH: the machine's own come first. */
const commands = {
  nft: 'usr/sbin/nft',
  ip: 'bin/ip',
  conntrack: 'usr/sbin/conntrack',
  bwrap: 'usr/bin/bwrap',
  curl: 'usr/bin/curl',
  busybox: 'bin/busybox',
};

const toolsDir = () => join(cacheDir(), 'tools');
export const toolsPath = () => join(toolsDir(), 'bin');

export async function installTools(say) {
  makeUserDir(cacheDir());
  const stamp = join(toolsDir(), 'stamp');
  const wanted = `${readFileSync('/etc/os-release', 'utf8').match(/^VERSION_ID=.*$/m)?.[0] ?? ''} ${packages.join(' ')}`;
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
    if (spawnSync('apt-get', ['--version']).status !== 0) {
      say(
        `setup: no apt-get here: the embedded cluster needs these Debian packages on PATH: ${packages.join(', ')}. Analysis commands work without them.`,
      );
      return;
    }
    if (!unpack(say)) return;
    writeFileSync(stamp, wanted);
  }
  await installKubectl(say, toolsPath());
  giveToUser(cacheDir());
}

function unpack(say) {
  const dir = toolsDir();
  const apt = join(cacheDir(), 'apt');
  for (const folder of ['lists/partial', 'archives/partial']) mkdirSync(join(apt, folder), { recursive: true });
  const options = [
    `Dir::State::lists=${join(apt, 'lists')}`,
    `Dir::Cache::archives=${join(apt, 'archives')}`,
    `Dir::Cache::pkgcache=`,
    `Dir::Cache::srcpkgcache=`,
    'Debug::NoLocking=1',
    'APT::Sandbox::User=',
    'APT::Update::Post-Invoke=',
    'APT::Update::Post-Invoke-Success=',
  ].flatMap((option) => ['-o', option]);

  say(`setup: downloading ${packages.length} Debian packages into ${dir} …`);
  const steps = [
    ['apt-get', [...options, 'update', '-qq']],
    ['apt-get', [...options, 'install', '-qq', '--download-only', '--reinstall', '--no-install-recommends', '--yes', ...packages]],
  ];
  for (const [command, args] of steps) {
    const result = spawnSync(command, args, { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } });
    if (result.status !== 0) {
      say(
        `setup: "${command} ${args.filter((a) => a !== '-o' && !options.includes(a)).join(' ')}" failed: ${(result.stderr || result.error?.message || '').trim()}`,
      );
      say('setup: the embedded cluster will not start without them; "npx palisade doctor" lists what is missing.');
      return false;
    }
  }
  const unpacked = join(dir, 'root');
  rmSync(unpacked, { recursive: true, force: true });
  mkdirSync(unpacked, { recursive: true });
  for (const archive of readdirSync(join(apt, 'archives')).filter((name) => name.endsWith('.deb'))) {
    const result = spawnSync('dpkg-deb', ['-x', join(apt, 'archives', archive), unpacked], { encoding: 'utf8' });
    if (result.status !== 0) {
      say(`setup: cannot unpack ${archive}: ${result.stderr.trim()}`);
      return false;
    }
  }
  rmSync(apt, { recursive: true, force: true });
  writeWrappers(dir, unpacked);
  return true;
}

function writeWrappers(dir, unpacked) {
  mkdirSync(join(dir, 'bin'), { recursive: true });
  const libraries = ['usr/lib', 'lib'].flatMap((folder) => {
    const base = join(unpacked, folder);
    return existsSync(base)
      ? readdirSync(base)
          .filter((name) => name.endsWith('-linux-gnu'))
          .map((name) => join(base, name))
      : [];
  });
  for (const [name, path] of Object.entries(commands)) {
    const target = [path, `usr/${path}`].map((candidate) => join(unpacked, candidate)).find(existsSync);
    if (!target) continue;
    const wrapper = join(dir, 'bin', name);
    writeFileSync(wrapper, `#!/bin/sh\nLD_LIBRARY_PATH=${libraries.join(':')} exec ${target} "$@"\n`);
    chmodSync(wrapper, 0o755);
  }
}
