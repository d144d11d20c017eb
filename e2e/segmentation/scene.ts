/** Four pods in two namespaces, and who of them reaches whom. */
import { after, before } from 'node:test';
import { eventually, startCluster, type TestCluster } from '../harness.ts';
import { webPod } from '../workloads.ts';

export interface Scene {
  readonly cluster: TestCluster;
  /** Address of each pod. */
  readonly address: ReadonlyMap<string, string>;
  reaches(from: string, to: string): Promise<boolean>;
  /** Resolve when it is so, reject when it does not become so. */
  denied(from: string, to: string): Promise<unknown>;
  allowed(from: string, to: string): Promise<unknown>;
}

/** To be called inside `describe`: `db` and `web` in default, `client` and `other` in alice. Its members are there when tests run. */
export function useScene(): Scene {
  let cluster: TestCluster;
  const address = new Map<string, string>();
  before(async () => {
    cluster = await startCluster({ nodes: ['node1', 'node2'] });
    await cluster.apply('apiVersion: v1\nkind: Namespace\nmetadata: {name: alice, labels: {user: alice}}\n');
    await cluster.apply(
      [
        webPod('db', { labels: 'app: db' }),
        webPod('web', { labels: 'app: web, role: client' }),
        webPod('client', { labels: 'role: client', namespace: 'alice' }),
        webPod('other', { labels: 'role: other', namespace: 'alice' }),
      ].join('---\n'),
    );
    for (const namespace of ['default', 'alice']) {
      await cluster.kubectlOk('wait', '--for=condition=Ready', 'pod', '--all', '-n', namespace, '--timeout=60s');
      const lines = await cluster.kubectlOk(
        'get',
        'pods',
        '-n',
        namespace,
        '-o',
        'jsonpath={range .items[*]}{.metadata.name} {.status.podIP}{"\\n"}{end}',
      );
      for (const line of lines.trim().split('\n')) address.set(line.split(' ')[0]!, line.split(' ')[1]!);
    }
  });
  after(() => cluster?.stop());

  const reaches = async (from: string, to: string) => {
    const namespace = ['client', 'other'].includes(from) ? 'alice' : 'default';
    const url = `http://${address.get(to)}:8080/`;
    const answer = await cluster.kubectl('exec', '-n', namespace, from, '--', 'curl', '-s', '-m', '1', url);
    return answer.stdout === `${to}\n`;
  };
  return {
    get cluster() {
      return cluster;
    },
    address,
    reaches,
    denied: (from, to) => eventually(`${from} cannot reach ${to}`, 8000, async () => !(await reaches(from, to))),
    allowed: (from, to) => eventually(`${from} reaches ${to}`, 8000, () => reaches(from, to)),
  };
}
