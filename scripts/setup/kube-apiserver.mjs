// The real API server, which `npm run conformance kube-api` compares with: kube-apiserver built from its Go module, and Debian's
// etcd below it. Made only for those who ask for it (`node scripts/setup/kube-apiserver.mjs`): about eight minutes on two cores.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { hasApt, unpackDebian } from './debian.mjs';
import { cacheDir, giveToUser, makeUserDir } from './paths.mjs';

/** The release that the embedded server follows. */
export const kubernetesVersion = 'v1.34.4';

const folder = () => join(cacheDir(), 'peers', `kube-apiserver-${kubernetesVersion}`);
const server = () => join(folder(), 'kube-apiserver');
const etcd = () => join(folder(), 'etcd', 'usr', 'bin', 'etcd');

/** @returns {{ apiserver: string, etcd: string } | undefined} paths of the binaries, when both are there */
export function findKubeApiServer() {
  return existsSync(server()) && existsSync(etcd()) ? { apiserver: server(), etcd: etcd() } : undefined;
}

/** @returns {{ apiserver: string, etcd: string } | undefined} undefined (and said why) when one of them could not be made */
export function installKubeApiServer(say) {
  makeUserDir(folder());
  const failure = (existsSync(etcd()) ? undefined : fetchEtcd()) ?? (existsSync(server()) ? undefined : buildServer(say));
  giveToUser(folder());
  if (failure !== undefined) say(`setup: ${failure}; what compares with the real API server is skipped.`);
  return findKubeApiServer();
}

function fetchEtcd() {
  if (!hasApt()) return 'no apt-get here to fetch etcd with';
  return unpackDebian(['etcd-server'], join(folder(), 'etcd'));
}

function buildServer(say) {
  const scratch = mkdtempSync(join(tmpdir(), 'palisade-kube-apiserver-'));
  const go = (...args) =>
    spawnSync('go', args, {
      cwd: scratch,
      encoding: 'utf8',
      env: { ...process.env, GOFLAGS: '-mod=mod -trimpath -buildvcs=false' },
    });
  try {
    writeFileSync(join(scratch, 'go.mod'), 'module peer\n\ngo 1.24.0\n');
    const module = go('mod', 'download', '-json', `k8s.io/kubernetes@${kubernetesVersion}`);
    if (module.status !== 0) return `cannot fetch k8s.io/kubernetes: ${(module.stderr || module.error?.message || '').trim()}`;
    writeFileSync(join(scratch, 'go.mod'), renderModule(readFileSync(JSON.parse(module.stdout).GoMod, 'utf8')));
    say(`setup: building kube-apiserver ${kubernetesVersion} …`);
    const [, major, minor] = /^v(\d+)\.(\d+)/.exec(kubernetesVersion);
    const version = Object.entries({ gitVersion: kubernetesVersion, gitMajor: major, gitMinor: minor });
    const flags = ['-s', '-w', ...version.map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)];
    const built = go('build', '-ldflags', flags.join(' '), '-o', `${server()}.new`, 'k8s.io/kubernetes/cmd/kube-apiserver');
    if (built.status !== 0) return `cannot build kube-apiserver: ${(built.stderr || built.error?.message || '').trim().slice(-2000)}`;
    renameSync(`${server()}.new`, server());
    return undefined;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Its own libraries live beside it in Kubernetes' repository and are published as v0.MINOR.PATCH. */
function renderModule(goMod) {
  const version = kubernetesVersion.replace(/^v1/, 'v0');
  const libraries = [...goMod.matchAll(/^\s*(\S+) => \.\/staging\//gm)].map(([, name]) => `replace ${name} => ${name} ${version}`);
  return ['module peer', 'go 1.24.0', `require k8s.io/kubernetes ${kubernetesVersion}`, ...libraries, ''].join('\n');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.exitCode = installKubeApiServer((line) => console.error(line)) === undefined ? 1 : 0;
}
