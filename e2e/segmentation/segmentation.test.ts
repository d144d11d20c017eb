/** Who may talk to whom below the mesh, with real packets: deny, lint, explain, quarantine, suggest. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { cannotRunClusters, eventually, examples } from '../harness.ts';
import { testEgress } from './egress.ts';
import { testQuarantine } from './quarantine.ts';
import { useScene } from './scene.ts';

describe('segmentation', { skip: cannotRunClusters(), timeout: 480_000 }, () => {
  const scene = useScene();

  test('a Deny of the Admin tier stands above an allowing NetworkPolicy; without it the NetworkPolicy holds', async () => {
    await scene.cluster.apply(`apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: allow-web}
spec: {podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]}
`);
    await scene.allowed('web', 'db');
    await scene.cluster.apply(`apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: nobody-to-db}
spec:
  tier: Admin
  priority: 5
  subject: {pods: {podSelector: {matchLabels: {app: db}}}}
  ingress: [{name: closed, action: Deny, from: [{namespaces: {}}]}]
`);
    await scene.denied('web', 'db');
    const flow = await eventually('the denial is recorded', 5000, async () => {
      const lines = await scene.cluster.palisade('flows', '--verdict', 'DROPPED', '--from', 'default/web', '--last', '1', '-o', 'json');
      return lines.stdout !== '' && (JSON.parse(lines.stdout) as { reason: string; policy: { kind: string; name: string; rule: string } });
    });
    assert.deepEqual([flow.policy.kind, flow.policy.name, flow.policy.rule], ['ClusterNetworkPolicy', 'nobody-to-db', 'closed']);
    assert.match(flow.reason, /tier Admin/);
    const status = await scene.cluster.kubectlOk(
      'get',
      'cnp',
      'nobody-to-db',
      '-o',
      'jsonpath={.status.conditions[0].type}={.status.conditions[0].status}',
    );
    assert.equal(status, 'Accepted=True');
    await scene.cluster.kubectlOk('delete', 'cnp', 'nobody-to-db');
    await scene.allowed('web', 'db');
    await scene.cluster.kubectlOk('delete', 'netpol', 'allow-web');
  });

  const trap = (dash: string) => `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: trap
spec:
  podSelector:
    matchLabels:
      app: db
  ingress:
    - from:
        - namespaceSelector:
            matchLabels:
              user: alice
        ${dash} podSelector:
            matchLabels:
              role: client
`;
  const senders = ['client', 'other', 'web'] as const;

  test('the two manifests of "YAML Traps" differ in one dash: linted, explained, and told apart by packets', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'palisade-trap-'));
    try {
      const met: Record<string, Record<string, boolean>> = {};
      for (const [name, dash] of [
        ['and', ' '],
        ['or', '-'],
      ] as const) {
        const file = join(folder, `${name}.yaml`);
        writeFileSync(file, trap(dash));
        await scene.cluster.apply(trap(dash));
        await (name === 'and' ? scene.denied('web', 'db') : scene.allowed('web', 'db'));
        const asked = async (from: string) => {
          const place = from === 'web' ? 'default' : 'alice';
          const answer = await scene.cluster.palisade('netpol', 'can', `${place}/${from}`, 'default/db', '--port', '8080', '-o', 'json');
          return (JSON.parse(answer.stdout) as { allowed: boolean }[])[0]!.allowed;
        };
        met[name] = {};
        for (const from of senders) {
          met[name][from] = await scene.reaches(from, 'db');
          assert.equal(await asked(from), met[name][from], `what is said of ${from} (${name}) is what packets meet`);
        }
        const lint = await scene.cluster.palisade('netpol', 'lint', '-o', 'json');
        const rules = (JSON.parse(lint.stdout) as { rule: string; line: string; patch?: object[] }[]).filter(
          (one) => one.rule === 'or-instead-of-and',
        );
        assert.equal(rules.length, name === 'or' ? 1 : 0);
        assert.equal(lint.code, name === 'or' ? 1 : 0, lint.stdout);
        if (name === 'or') {
          assert.match(rules[0]!.line, /^NetworkPolicy\/default\/trap:\d+$/);
          await scene.cluster.kubectlOk('patch', 'networkpolicy', 'trap', '--type=json', '-p', JSON.stringify(rules[0]!.patch));
          await scene.denied('web', 'db');
          assert.equal(await scene.reaches('client', 'db'), true, 'as patched it is what was meant');
          assert.equal(await scene.reaches('other', 'db'), false);
        }
      }
      assert.deepEqual(met, { and: { client: true, other: false, web: false }, or: { client: true, other: true, web: true } });
      await scene.cluster.kubectlOk('delete', 'netpol', 'trap');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test('one command leads from a denied flow to the line of YAML that decided', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'palisade-why-'));
    try {
      writeFileSync(join(folder, 'trap.yaml'), trap(' '));
      await scene.cluster.kubectlOk('apply', '-f', folder);
      await scene.denied('other', 'db');
      const why = await eventually('the flow is there', 5000, async () => {
        const answer = await scene.cluster.palisade('netpol', 'why', '--from', 'alice/other', '--to', 'default/db', '-f', folder);
        return answer.code === 0 && answer.stdout;
      });
      assert.match(why, /alice\/other:\d+ <> default\/db:8080 ingress DROPPED/);
      assert.match(why, new RegExp(`isolated by NetworkPolicy default/trap\\) \\(${folder}/trap.yaml:6\\)`));
      assert.match(why, /pod alice\/other has role=other, wanted role=client \(\S+trap\.yaml:14\)/);
      assert.match(why, />\s+6 \| {3}podSelector:/);
      await scene.cluster.kubectlOk('delete', '-f', folder);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  testQuarantine(scene);

  test('policies proposed from traffic, applied: the application works on, what was not seen is shut', async () => {
    for (const [from, to] of [
      ['web', 'db'],
      ['client', 'db'],
    ] as const)
      await scene.allowed(from, to);
    const proposal = await eventually('the traffic is recorded', 5000, async () => {
      const answer = await scene.cluster.palisade('netpol', 'suggest', '--since', '10s', '-n', 'default');
      return answer.code === 0 && /from alice\/Pod\/client/.test(answer.stdout) && answer.stdout;
    });
    assert.match(proposal, /^# Replayed: \d+ kinds of connections, 0 of them would be denied\.$/m);
    assert.doesNotMatch(proposal, /Pod\/other/, 'it was not seen in these ten seconds');
    await scene.cluster.apply(proposal);
    await scene.denied('other', 'db');
    await scene.allowed('web', 'db');
    await scene.allowed('client', 'db');
    const names = await scene.cluster.kubectl('exec', 'web', '--', 'nslookup', 'kubernetes.default.svc.cluster.local');
    assert.match(names.stdout, /10\.96\.0\.1/, 'DNS works');
    await scene.cluster.kubectlOk('delete', 'netpol', '--all');
  });

  testEgress(scene);

  test('examples/pci: only the gateway reaches the cardholder zone, whatever its NetworkPolicies allow', async () => {
    await scene.cluster.kubectlOk('apply', '-f', join(examples, 'pci'));
    for (const zone of ['cardholder', 'customer'])
      await scene.cluster.kubectlOk('wait', '--for=condition=Ready', 'pod', '--all', '-n', zone, '--timeout=60s');
    await scene.cluster.apply(
      'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: careless, namespace: cardholder}\nspec: {podSelector: {}, ingress: [{}]}\n',
    );
    const vault = (await scene.cluster.kubectlOk('get', 'pod', 'vault', '-n', 'cardholder', '-o', 'jsonpath={.status.podIP}')).trim();
    const fetches = async (namespace: string, pod: string) =>
      (await scene.cluster.kubectl('exec', '-n', namespace, pod, '--', 'curl', '-s', '-m', '1', `http://${vault}:8443/`)).stdout ===
      'vault\n';
    await eventually('the gateway reaches the vault', 8000, () => fetches('customer', 'payment-gateway'));
    assert.equal(await fetches('cardholder', 'tokens'), true, 'inside of the zone');
    assert.equal(await fetches('customer', 'storefront'), false);
    assert.equal(await fetches('default', 'web'), false, 'a namespace of no zone');
    await scene.cluster.kubectlOk('delete', '-f', join(examples, 'pci'), '--now', '--ignore-not-found');
  });
});
