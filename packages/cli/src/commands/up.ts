import { join } from 'node:path';
import { launchCluster } from '@palisade/cluster';
import { canStartCluster } from '../doctor/requirements.ts';
import { defaultCluster, userHome } from '../paths.ts';

export interface UpOptions {
  nodes?: string;
  name: string;
  apiPort: string;
  images?: string[];
  hostPaths?: string;
  /** false = `--no-mesh`; true = the default data plane. */
  mesh: string | boolean;
  json?: boolean;
}

/** `palisade up`. @returns the exit code */
export async function up(raw: Record<string, unknown>): Promise<number> {
  const options = raw as unknown as UpOptions;
  const nodes = parseNodes(options.nodes ?? '3');
  const port = Number(options.apiPort);
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new Error(`Cannot use --api-port "${options.apiPort}": expected a number from 0 to 65535`);
  }
  if (!canStartCluster()) return 1;
  const cluster = await launchCluster({
    name: options.name,
    nodes,
    apiPort: port,
    cacheDir: process.env['PALISADE_CACHE'] ?? join(userHome(), '.cache', 'palisade'),
    imageDirs: [join(userHome(), '.config', 'palisade', 'images'), ...(options.images ?? [])],
    ...(options.hostPaths === undefined ? {} : { hostPathRoot: options.hostPaths }),
    ...(options.mesh === false ? {} : { mesh: parseDataplane(options.mesh) }),
    attached: false,
  });
  if (options.json) {
    console.log(
      JSON.stringify({ started: cluster.started, server: cluster.server, kubeconfig: cluster.kubeconfig, readyMs: cluster.readyMs }),
    );
    return 0;
  }
  console.log(
    cluster.started
      ? `The cluster is up at ${cluster.server} (API ready after ${cluster.readyMs} ms).`
      : `The cluster runs already at ${cluster.server}.`,
  );
  console.log(`\n  export KUBECONFIG=${cluster.kubeconfig}\n  kubectl get nodes\n`);
  const down = options.name === defaultCluster ? 'palisade down' : `palisade down --name ${options.name}`;
  console.log(`Stop it with "${down}". See what happens to traffic with "palisade flows -f".`);
  return 0;
}

function parseDataplane(value: string | boolean): 'palisade' | 'envoy' {
  if (value === true) return 'palisade';
  if (value === 'palisade' || value === 'envoy') return value;
  throw new Error(`Cannot use --mesh "${value}": expected palisade or envoy`);
}

const nodeName = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const maxNodes = 50;

/** `3` → node1, node2, node3; `a,b` → those names. */
export function parseNodes(text: string): string[] {
  if (/^\d+$/.test(text)) {
    const count = Number(text);
    if (count < 1 || count > maxNodes) throw new Error(`Cannot start ${text} nodes: expected 1 to ${maxNodes}`);
    return Array.from({ length: count }, (_, index) => `node${index + 1}`);
  }
  const names = text.split(',').map((name) => name.trim());
  const wrong = names.find((name) => !nodeName.test(name));
  if (wrong !== undefined) throw new Error(`Cannot name a node "${wrong}": expected lower-case letters, digits and "-" (RFC 1123 label)`);
  if (new Set(names).size !== names.length) throw new Error(`Cannot start nodes "${text}": a name stands twice`);
  if (names.length > maxNodes) throw new Error(`Cannot start ${names.length} nodes: expected 1 to ${maxNodes}`);
  return names;
}
