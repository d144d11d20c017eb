// Programs the embedded cluster needs, from the distribution's own packages, unpacked under the user's cache. The machine's
// installed packages, package lists and services stay as they are: apt works on private lists and a private archive folder.
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasApt, unpackDebian } from './debian.mjs';
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
    if (!hasApt()) {
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
  say(`setup: downloading ${packages.length} Debian packages into ${dir} …`);
  const unpacked = join(dir, 'root');
  const failure = unpackDebian(packages, unpacked);
  if (failure !== undefined) {
    say(`setup: ${failure}`);
    say('setup: the embedded cluster will not start without them; "npx palisade doctor" lists what is missing.');
    return false;
  }
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
