/** What the mesh's stories share: both data planes, small workloads, requests from their pods. */
import { findEnvoy } from '../../scripts/setup/envoy.mjs';
import { cannotRunClusters, eventually, startCluster, type TestCluster } from '../harness.ts';

export type DataPlane = 'palisade' | 'envoy';

/** Each with the reason why it cannot run here, or false. */
export const dataPlanes = (['palisade', 'envoy'] as const).map((name) => ({
  name,
  skip:
    cannotRunClusters() || (name === 'envoy' && findEnvoy() === undefined ? 'no Envoy: "node scripts/setup/envoy.mjs" fetches one' : false),
}));

/** A cluster whose control plane is ready. @param meshConfig YAML, besides the trust domain. @param imageDirs image definitions */
export async function startMesh(mesh: DataPlane, meshConfig = '', imageDirs: readonly string[] = []): Promise<TestCluster> {
  const cluster = await startCluster({ nodes: ['node1', 'node2'], mesh, imageDirs });
  await eventually('istiod is ready', 60_000, async () =>
    /1\/1/.test((await cluster.kubectl('get', 'pods', '-n', 'istio-system', '-l', 'app=istiod', '--no-headers')).stdout),
  );
  if (meshConfig !== '') await configureMesh(cluster, meshConfig);
  return cluster;
}

export async function configureMesh(cluster: TestCluster, meshConfig: string): Promise<void> {
  const data = { mesh: `trustDomain: cluster.local\n${meshConfig}` };
  await cluster.kubectlOk('patch', 'configmap', 'istio', '-n', 'istio-system', '--type=merge', '-p', JSON.stringify({ data }));
}

export async function createNamespace(cluster: TestCluster, name: string, ...labels: string[]): Promise<void> {
  await cluster.kubectlOk('create', 'namespace', name);
  if (labels.length > 0) await cluster.kubectlOk('label', 'namespace', name, ...labels);
}

export interface WorkloadOptions {
  /** One line of YAML below `containers:`. */
  readonly container: string;
  /** Lines of YAML below the template's `metadata:`, each with its indentation of 6. */
  readonly metadata?: string;
  /** Further lines of the pod's `spec:`, each with its indentation of 6. */
  readonly spec?: string;
}

/** Service account and Deployment of one name. */
export function workload(namespace: string, name: string, { container, metadata = '', spec = '' }: WorkloadOptions): string {
  return `apiVersion: v1
kind: ServiceAccount
metadata: {name: ${name}, namespace: ${namespace}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata:
      labels: {app: ${name}}
${metadata}    spec:
      serviceAccountName: ${name}
${spec}      containers:
      - ${container}
`;
}

/** Answers every request with its method and path. */
export function echoServer(port: number): string {
  return `{name: c, image: "node:24", command: [node, -e, 'require("http").createServer((q,r)=>r.end(q.method+" "+q.url+"\\n")).listen(${port})']}`;
}

export const client = '{name: c, image: curlimages/curl, command: [sleep, "100000"]}';

export function service(namespace: string, name: string, ...ports: readonly string[]): string {
  return `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}, namespace: ${namespace}}\nspec: {selector: {app: ${name}}, ports: [${ports.join(', ')}]}\n`;
}

/** `BODY STATUS` of one request, 000 when there was no answer; line ends removed. */
export async function curl(cluster: TestCluster, from: readonly string[], ...args: string[]): Promise<string> {
  const { stdout } = await cluster.kubectl('exec', ...from, '-c', 'c', '--', 'curl', '-s', '-m', '5', '-w', ' %{http_code}', ...args);
  return stdout.replaceAll('\n', '');
}

export async function settles(what: string, expected: RegExp, act: () => Promise<string>): Promise<void> {
  let last = '';
  await eventually(what, 40_000, async () => {
    last = await act();
    return expected.test(last);
  }).catch((error: Error) => {
    throw new Error(`${error.message}: found "${last}", expected ${expected}`);
  });
}
