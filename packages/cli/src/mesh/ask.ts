/**
 * What proxies and control planes tell about themselves, read inside their own containers as `istioctl` does: with the rights of the
 * user to `exec` there, through the user's own kubectl.
 */
import { execFile } from 'node:child_process';

export interface PodName {
  readonly namespace: string;
  readonly name: string;
}

const maxAnswerBytes = 256 * 1024 * 1024;

/** @throws Error with what kubectl said */
export function kubectl(kubeconfig: string, args: readonly string[], input?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile('kubectl', ['--kubeconfig', kubeconfig, ...args], { maxBuffer: maxAnswerBytes }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`kubectl ${args.join(' ')}: ${(stderr.trim() || error.message).slice(0, 2000)}`));
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end(input ?? '');
  });
}

/** The proxy's administrator interface: Envoy's, or that of our own proxy in the same form. */
export async function askProxy(kubeconfig: string, { namespace, name }: PodName, path: string): Promise<unknown> {
  const words = ['exec', '-n', namespace, name, '-c', 'istio-proxy', '--', 'pilot-agent', 'request', 'GET', path];
  return parse(await kubectl(kubeconfig, words), `${name}.${namespace}${path}`);
}

/** One answer of each running control plane. @throws Error when there is none */
export async function askControlPlanes(kubeconfig: string, rootNamespace: string, path: string): Promise<unknown[]> {
  const select = ['get', 'pods', '-n', rootNamespace, '-l', 'app=istiod', '--field-selector=status.phase=Running', '-o', 'name'];
  const pods = (await kubectl(kubeconfig, select)).split('\n').filter((line) => line !== '');
  if (pods.length === 0)
    throw new Error(`No control plane runs in namespace ${rootNamespace}: "palisade up" starts one, unless told --no-mesh`);
  const request = (pod: string) => ['exec', '-n', rootNamespace, pod, '-c', 'discovery', '--', 'pilot-discovery', 'request', 'GET', path];
  return Promise.all(pods.map(async (pod) => parse(await kubectl(kubeconfig, request(pod)), `${pod}${path}`)));
}

function parse(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`Cannot read the answer of ${what}: expected JSON, found ${JSON.stringify(text.slice(0, 80))}`);
  }
}
