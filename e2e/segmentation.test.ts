/** Who may talk to whom below the mesh, with real packets: deny, lint, explain, quarantine, suggest. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { cannotRunClusters, eventually, startCluster, type TestCluster } from './harness.ts';

const server = (name: string, labels: string, namespace = 'default') => `apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: ${namespace}, labels: {${labels}}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: box
      image: busybox
      command: [sh, -c, "mkdir -p /tmp/www && echo ${name} > /tmp/www/index.html && httpd -f -p 8080 -h /tmp/www"]
`;

describe('segmentation', { skip: cannotRunClusters(), timeout: 240_000 }, () => {
  let cluster: TestCluster;
  const address = new Map<string, string>();
  before(async () => {
    cluster = await startCluster({ nodes: ['node1', 'node2'] });
    await cluster.apply('apiVersion: v1\nkind: Namespace\nmetadata: {name: alice, labels: {user: alice}}\n');
    await cluster.apply(
      [
        server('db', 'app: db'),
        server('web', 'app: web, role: client'),
        server('client', 'role: client', 'alice'),
        server('other', 'role: other', 'alice'),
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
  const denied = (from: string, to: string) => eventually(`${from} cannot reach ${to}`, 8000, async () => !(await reaches(from, to)));
  const allowed = (from: string, to: string) => eventually(`${from} reaches ${to}`, 8000, () => reaches(from, to));

  test('a Deny of the Admin tier stands above an allowing NetworkPolicy; without it the NetworkPolicy holds', async () => {
    await cluster.apply(`apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: allow-web}
spec: {podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]}
`);
    await allowed('web', 'db');
    await cluster.apply(`apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: nobody-to-db}
spec:
  tier: Admin
  priority: 5
  subject: {pods: {podSelector: {matchLabels: {app: db}}}}
  ingress: [{name: closed, action: Deny, from: [{namespaces: {}}]}]
`);
    await denied('web', 'db');
    const flow = await eventually('the denial is recorded', 5000, async () => {
      const lines = await cluster.palisade('flows', '--verdict', 'DROPPED', '--from', 'default/web', '--last', '1', '-o', 'json');
      return lines.stdout !== '' && (JSON.parse(lines.stdout) as { reason: string; policy: { kind: string; name: string; rule: string } });
    });
    assert.deepEqual([flow.policy.kind, flow.policy.name, flow.policy.rule], ['ClusterNetworkPolicy', 'nobody-to-db', 'closed']);
    assert.match(flow.reason, /tier Admin/);
    const status = await cluster.kubectlOk(
      'get',
      'cnp',
      'nobody-to-db',
      '-o',
      'jsonpath={.status.conditions[0].type}={.status.conditions[0].status}',
    );
    assert.equal(status, 'Accepted=True');
    await cluster.kubectlOk('delete', 'cnp', 'nobody-to-db');
    await allowed('web', 'db');
    await cluster.kubectlOk('delete', 'netpol', 'allow-web');
  });
});
