import { mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FlowRecord } from '@palisade/flow';
import type { KubernetesObject } from '@palisade/kubernetes';
import { createFakeClient, type FakeClient } from '@palisade/kubernetes/testing';
import { createImageRegistry, type ImageDefinition, readUserImages, toolImages } from '../../../images/index.ts';
import { createKubelet, type NodeAgent } from '../index.ts';
import type { Container, Pod, PodSpec } from '../pod-types.ts';
import { createFakeNetwork } from './fake-network.ts';

const PODS = { group: '', version: 'v1', resource: 'pods' };

/** A real node agent with real containers, on a fake API and a fake network. For isolated tests only. */
export interface TestNode {
  readonly client: FakeClient;
  readonly kubelet: NodeAgent;
  readonly stateDir: string;
  readonly imageFolder: string;
  readonly flows: FlowRecord[];
  createPod(name: string, spec: Partial<PodSpec> & { containers: Container[] }, metadata?: KubernetesObject['metadata']): Promise<Pod>;
  getPod(name: string): Promise<Pod>;
  /** Waits until the pod looks as wanted; fails with its last status after `limitMs`. */
  until(name: string, isWanted: (pod: Pod) => boolean, limitMs?: number): Promise<Pod>;
  deletePod(name: string, graceSeconds?: number): Promise<void>;
  untilGone(name: string, limitMs?: number): Promise<void>;
  exec(pod: string, command: readonly string[], container?: string): Promise<{ exitCode: number; stdout: string; stderr: string }>;
  logs(pod: string, container?: string, options?: { previous?: boolean; timestamps?: boolean; tailLines?: number }): Promise<string>;
  /** Ready says that a program was started, not how far it got. */
  untilLogs(pod: string, text: string | RegExp, container?: string): Promise<void>;
  events(reason?: string): Promise<string[]>;
  stop(): Promise<void>;
}

export interface TestNodeOptions {
  readonly images?: readonly ImageDefinition[];
  readonly hostPathRoots?: readonly string[];
  readonly client?: FakeClient;
  readonly stateDir?: string;
  readonly tokenSeconds?: number;
  readonly network?: ReturnType<typeof createFakeNetwork>;
}

export async function startTestNode(options: TestNodeOptions = {}): Promise<TestNode> {
  const root = mkdtempSync(join(tmpdir(), 'palisade-kubelet-'));
  const stateDir = options.stateDir ?? join(root, 'state');
  const imageFolder = join(root, 'images');
  const toolsRoot = join(process.env['PALISADE_CACHE'] ?? join(homedir(), '.cache/palisade'), 'tools/root');
  const client = options.client ?? createFakeClient(() => new Date());
  const network = options.network ?? createFakeNetwork();
  const flows: FlowRecord[] = [];
  let tokens = 0;
  const kubelet = createKubelet({
    network,
    client,
    images: createImageRegistry({
      builtin: [
        ...(options.images ?? []),
        ...toolImages({ toolsRoot, repositoryRoot: '/nowhere', programsRoot: '/nowhere', nodeExecutable: process.execPath }),
      ],
      folders: [imageFolder],
      readFolder: readUserImages,
    }),
    stateDir,
    runDir: join(root, 'run'),
    toolsRoot,
    issueToken: async (pod, audience) => ({
      token: `token-${pod.name}-${audience ?? 'api'}-${++tokens}`,
      expirationTimestamp: new Date(Date.now() + (options.tokenSeconds ?? 3600) * 1000).toISOString(),
    }),
    resolvConf: () => 'nameserver 10.96.0.10\noptions ndots:5\n',
    sink: (record) => flows.push(record),
    hostPathRoots: options.hostPathRoots ?? [],
    log: (level, message) => {
      if (level === 'warn') process.stderr.write(`${message}\n`);
    },
  });
  await kubelet.start();

  const node: TestNode = {
    client,
    kubelet,
    stateDir,
    imageFolder,
    flows,
    async createPod(name, spec, metadata = {}) {
      const full: PodSpec = { nodeName: 'node1', restartPolicy: 'Always', terminationGracePeriodSeconds: 5, ...spec };
      return client.create<Pod>(PODS, { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', ...metadata }, spec: full });
    },
    getPod: (name) => client.get<Pod>(PODS, { namespace: 'default', name }),
    async until(name, isWanted, limitMs = 15_000) {
      const deadline = Date.now() + limitMs;
      for (;;) {
        const pod = await node.getPod(name);
        if (isWanted(pod)) return pod;
        if (Date.now() > deadline) {
          throw new Error(
            `pod ${name} did not become as wanted: ${JSON.stringify(pod.status, null, 1)}\nevents: ${(await node.events()).join('\n')}`,
          );
        }
        await pause(10);
      }
    },
    deletePod: (name, gracePeriodSeconds) =>
      client.delete(PODS, { namespace: 'default', name }, gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    async untilGone(name, limitMs = 15_000) {
      const deadline = Date.now() + limitMs;
      while (
        await node.getPod(name).then(
          () => true,
          () => false,
        )
      ) {
        if (Date.now() > deadline) throw new Error(`pod ${name} is still there`);
        await pause(10);
      }
    },
    async exec(pod, command, container = 'main') {
      const session = await kubelet.exec('default', pod, { container, command, tty: false, stdin: false });
      const [stdout, stderr, { exitCode }] = await Promise.all([readAll(session.stdout), readAll(session.stderr!), session.exit]);
      return { exitCode, stdout, stderr };
    },
    async logs(pod, container = 'main', wanted = {}) {
      const stream = await kubelet.logs(
        'default',
        pod,
        { container, follow: false, previous: false, timestamps: false, ...wanted },
        new AbortController().signal,
      );
      return readAll(stream);
    },
    async untilLogs(pod, text, container = 'main') {
      const deadline = Date.now() + 10_000;
      for (;;) {
        const seen = await node.logs(pod, container).catch(String);
        if (typeof text === 'string' ? seen === text : text.test(seen)) return;
        if (Date.now() > deadline)
          throw new Error(
            `logs of ${pod}/${container}: ${JSON.stringify(seen)}, expected ${typeof text === 'string' ? JSON.stringify(text) : text}`,
          );
        await pause(10);
      }
    },
    async events(reason) {
      const { items } = await client.list({ group: '', version: 'v1', resource: 'events' });
      return items
        .filter((event) => reason === undefined || event['reason'] === reason)
        .map((event) => `${event['reason']}: ${event['message']}`);
    },
    async stop() {
      await kubelet.stop(0);
      rmSync(root, { recursive: true, force: true });
    },
  };
  return node;
}

export async function readAll(stream: AsyncIterable<Buffer | string>): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += chunk.toString();
  return text;
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export const isReady = (pod: Pod): boolean => pod.status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
