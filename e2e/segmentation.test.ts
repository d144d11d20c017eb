/** Who may talk to whom below the mesh, with real packets: deny, lint, explain, quarantine, suggest. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { udpIn } from '@palisade/cluster/network';
import { cannotRunClusters, eventually, examples, startCluster, type TestCluster } from './harness.ts';

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

describe('segmentation', { skip: cannotRunClusters(), timeout: 480_000 }, () => {
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
        await cluster.apply(trap(dash));
        await (name === 'and' ? denied('web', 'db') : allowed('web', 'db'));
        const asked = async (from: string) => {
          const place = from === 'web' ? 'default' : 'alice';
          const answer = await cluster.palisade('netpol', 'can', `${place}/${from}`, 'default/db', '--port', '8080', '-o', 'json');
          return (JSON.parse(answer.stdout) as { allowed: boolean }[])[0]!.allowed;
        };
        met[name] = {};
        for (const from of senders) {
          met[name][from] = await reaches(from, 'db');
          assert.equal(await asked(from), met[name][from], `what is said of ${from} (${name}) is what packets meet`);
        }
        const lint = await cluster.palisade('netpol', 'lint', '-o', 'json');
        const rules = (JSON.parse(lint.stdout) as { rule: string; line: string; patch?: object[] }[]).filter(
          (one) => one.rule === 'or-instead-of-and',
        );
        assert.equal(rules.length, name === 'or' ? 1 : 0);
        assert.equal(lint.code, name === 'or' ? 1 : 0, lint.stdout);
        if (name === 'or') {
          assert.match(rules[0]!.line, /^NetworkPolicy\/default\/trap:\d+$/);
          await cluster.kubectlOk('patch', 'networkpolicy', 'trap', '--type=json', '-p', JSON.stringify(rules[0]!.patch));
          await denied('web', 'db');
          assert.equal(await reaches('client', 'db'), true, 'as patched it is what was meant');
          assert.equal(await reaches('other', 'db'), false);
        }
      }
      assert.deepEqual(met, { and: { client: true, other: false, web: false }, or: { client: true, other: true, web: true } });
      await cluster.kubectlOk('delete', 'netpol', 'trap');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test('one command leads from a denied flow to the line of YAML that decided', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'palisade-why-'));
    try {
      writeFileSync(join(folder, 'trap.yaml'), trap(' '));
      await cluster.kubectlOk('apply', '-f', folder);
      await denied('other', 'db');
      const why = await eventually('the flow is there', 5000, async () => {
        const answer = await cluster.palisade('netpol', 'why', '--from', 'alice/other', '--to', 'default/db', '-f', folder);
        return answer.code === 0 && answer.stdout;
      });
      assert.match(why, /alice\/other:\d+ <> default\/db:8080 ingress DROPPED/);
      assert.match(why, new RegExp(`isolated by NetworkPolicy default/trap\\) \\(${folder}/trap.yaml:6\\)`));
      assert.match(why, /pod alice\/other has role=other, wanted role=client \(\S+trap\.yaml:14\)/);
      assert.match(why, />\s+6 \| {3}podSelector:/);
      await cluster.kubectlOk('delete', '-f', folder);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test('a quarantined pod is cut off from what it had open, both ways, within a second; released it is back', async () => {
    await allowed('web', 'db');
    // A connection that stays open and goes on sending: one line every 50 ms into a file at the other end.
    await cluster.kubectlOk(
      'exec',
      'db',
      '--',
      'sh',
      '-c',
      `nohup sh -c 'sleep 60 | nc -l -p 9000 > /tmp/got' > /dev/null 2>&1 </dev/null & echo`,
    );
    const attack = `while :; do echo attack; sleep 0.05; done | nc ${address.get('db')} 9000 > /dev/null 2>&1`;
    await cluster.kubectlOk('exec', 'web', '--', 'sh', '-c', `nohup sh -c '${attack}' > /dev/null 2>&1 </dev/null & echo`);
    const received = async () => Number((await cluster.kubectlOk('exec', 'db', '--', 'sh', '-c', 'wc -c < /tmp/got')).trim());
    const before = await eventually('the attack runs', 5000, async () => {
      const count = await received();
      return count > 0 && count;
    });
    await eventually('the attack goes on', 5000, async () => (await received()) > before);

    const result = await cluster.palisade('quarantine', 'pod', 'web', '--keep-dns');
    assert.equal(result.code, 0, result.stderr);
    await sleep(1000);
    const atOneSecond = await received();
    await sleep(1000);
    assert.equal(await received(), atOneSecond, 'nothing of the open connection arrives any more');
    assert.equal(await reaches('web', 'db'), false);
    assert.equal(await reaches('db', 'web'), false);
    assert.equal(await reaches('client', 'db'), true, 'others are untouched');
    const names = await cluster.kubectl('exec', 'web', '--', 'nslookup', 'kubernetes.default.svc.cluster.local');
    assert.match(names.stdout, /10\.96\.0\.1/, 'DNS was kept');
    const who = await cluster.kubectlOk('get', 'cnp', '-o', 'jsonpath={.items[0].metadata.annotations.palisade\\.dev/quarantined-by}');
    assert.notEqual(who, '');
    assert.match(
      await cluster.kubectlOk('get', 'events', '--field-selector', 'involvedObject.name=web'),
      /Quarantined +pod\/web +cut off by/,
    );

    assert.equal((await cluster.palisade('quarantine', 'pod', 'web', '--release')).code, 0);
    await allowed('web', 'db');
    await allowed('db', 'web');
    assert.equal(await cluster.kubectlOk('get', 'cnp,netpol', '-A', '-o', 'name'), '');
    const again = await cluster.palisade('quarantine', 'pod', 'web', '--release');
    assert.match(again.stderr, /it is not in quarantine/);
  });

  test('a quarantined deployment: UDP that flows both ways stops within a second, and later pods are cut off too', async () => {
    await cluster.kubectlOk('create', 'deployment', 'app', '--image=busybox', '--', 'sleep', '86400');
    const ready = () => cluster.kubectlOk('rollout', 'status', 'deployment/app', '--timeout=60s');
    await ready();
    const podsOf = async (selector: string) => {
      const { items } = JSON.parse(await cluster.kubectlOk('get', 'pods', '-l', selector, '-o', 'json'));
      return (items as { metadata: { uid: string; name: string }; status: { podIP: string } }[]).map(({ metadata, status }) => ({
        name: metadata.name,
        netns: `${cluster.netnsFolder()}/pod-${metadata.uid}`,
        ip: status.podIP,
      }));
    };
    const [[app], [db]] = [await podsOf('app=app'), await podsOf('app=db')];
    const server = await udpIn(db!.netns, db!.ip, 9001);
    const client = await udpIn(app!.netns, app!.ip, 9002);
    const got = { server: 0, client: 0 };
    server.on('message', () => got.server++).on('error', () => {});
    client.on('message', () => got.client++).on('error', () => {});
    const timer = setInterval(() => {
      client.send('attack', 9001, db!.ip, () => {});
      server.send('answer', 9002, app!.ip, () => {});
    }, 50);
    try {
      await eventually('packets flow both ways', 5000, async () => got.server > 5 && got.client > 5);
      const result = await cluster.palisade('quarantine', 'deployment', 'app');
      assert.equal(result.code, 0, result.stderr);
      await sleep(1000);
      const atOneSecond = { ...got };
      await sleep(1000);
      assert.deepEqual(got, atOneSecond, 'neither packets nor answers arrive any more');
      await cluster.kubectlOk('scale', 'deployment', 'app', '--replicas=2');
      await ready();
      const later = (await podsOf('app=app')).find(({ name }) => name !== app!.name);
      assert.ok(later);
      const asked = await cluster.kubectl('exec', later.name, '--', 'curl', '-s', '-m', '1', `http://${address.get('db')}:8080/`);
      assert.notEqual(asked.code, 0, 'a pod that came after it');
      assert.equal((await cluster.palisade('quarantine', 'deployment', 'app', '--release')).code, 0);
      await eventually('packets flow again', 8000, async () => got.server > atOneSecond.server && got.client > atOneSecond.client);
    } finally {
      clearInterval(timer);
      server.close();
      client.close();
    }
    await cluster.kubectlOk('delete', 'deployment', 'app');
  });

  test('policies proposed from traffic, applied: the application works on, what was not seen is shut', async () => {
    for (const [from, to] of [
      ['web', 'db'],
      ['client', 'db'],
    ] as const)
      await allowed(from, to);
    const proposal = await eventually('the traffic is recorded', 5000, async () => {
      const answer = await cluster.palisade('netpol', 'suggest', '--since', '10s', '-n', 'default');
      return answer.code === 0 && /from alice\/Pod\/client/.test(answer.stdout) && answer.stdout;
    });
    assert.match(proposal, /^# Replayed: \d+ kinds of connections, 0 of them would be denied\.$/m);
    assert.doesNotMatch(proposal, /Pod\/other/, 'it was not seen in these ten seconds');
    await cluster.apply(proposal);
    await denied('other', 'db');
    await allowed('web', 'db');
    await allowed('client', 'db');
    const names = await cluster.kubectl('exec', 'web', '--', 'nslookup', 'kubernetes.default.svc.cluster.local');
    assert.match(names.stdout, /10\.96\.0\.1/, 'DNS works');
    await cluster.kubectlOk('delete', 'netpol', '--all');
  });

  const outwards = (rules: string) => `apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: outwards}
spec:
  tier: Admin
  priority: 3
  subject: {pods: {podSelector: {matchLabels: {app: web}}}}
  egress:
    - {name: dns, action: Accept, to: [{pods: {podSelector: {matchLabels: {k8s-app: kube-dns}}}}]}
${rules}    - {name: rest, action: Deny, to: [{networks: ["0.0.0.0/0", "::/0"]}]}
`;
  const fetches = async (url: string) =>
    (await cluster.kubectl('exec', 'web', '--', 'curl', '-s', '-o', '/dev/null', '-m', '2', url)).code === 0;

  test('egress to domain names: what DNS has answered, for as long as the answer lives', async () => {
    const byAddress = 'http://198.51.100.80/';
    assert.equal(await fetches(byAddress), true);
    await cluster.apply(outwards('    - {name: site, action: Accept, to: [{domainNames: ["www.example.com"]}]}\n'));
    await eventually('the address alone is shut', 8000, async () => !(await fetches(byAddress)));
    assert.equal(await fetches('http://www.example.com/'), true, 'the first connection after the answer passes');
    assert.equal(await fetches(byAddress), true, 'the answer lives');
    await eventually('the answer has died', 30_000, async () => {
      await sleep(3000);
      return !(await fetches(byAddress));
    });
    assert.equal(await fetches('http://mirror.north.example/'), false);
    await cluster.kubectlOk('delete', 'cnp', 'outwards');
  });

  test('egress to networks and to nodes by their labels', async () => {
    await cluster.apply(outwards('    - {name: net, action: Accept, to: [{networks: ["192.0.2.0/24"]}]}\n'));
    await eventually('the other network is shut', 8000, async () => !(await fetches('http://198.51.100.80/')));
    assert.equal(await fetches('http://192.0.2.10/'), true);

    await cluster.apply(server('host', 'app: host').replace('spec:', 'spec:\n  hostNetwork: true\n  nodeName: node2'));
    await cluster.kubectlOk('wait', '--for=condition=Ready', 'pod', 'host', '--timeout=60s');
    const address = await cluster.kubectlOk('get', 'pod', 'host', '-o', 'jsonpath={.status.podIP}');
    await cluster.apply(outwards('    - {name: nodes, action: Accept, to: [{nodes: {matchLabels: {zone: b}}}]}\n'));
    await eventually('the network is shut again', 8000, async () => !(await fetches('http://192.0.2.10/')));
    assert.equal(await fetches(`http://${address}:8080/`), false, 'the node has no such label yet');
    await cluster.kubectlOk('label', 'node', 'node2', 'zone=b');
    await eventually('the node is open', 8000, () => fetches(`http://${address}:8080/`));
    await cluster.kubectlOk('label', 'node', 'node2', 'zone-');
    await eventually('the node is shut', 8000, async () => !(await fetches(`http://${address}:8080/`)));
    await cluster.kubectlOk('delete', 'cnp', 'outwards');
    await cluster.kubectlOk('delete', 'pod', 'host', '--now');
  });

  test('examples/pci: only the gateway reaches the cardholder zone, whatever its NetworkPolicies allow', async () => {
    await cluster.kubectlOk('apply', '-f', join(examples, 'pci'));
    for (const zone of ['cardholder', 'customer'])
      await cluster.kubectlOk('wait', '--for=condition=Ready', 'pod', '--all', '-n', zone, '--timeout=60s');
    await cluster.apply(
      'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: careless, namespace: cardholder}\nspec: {podSelector: {}, ingress: [{}]}\n',
    );
    const vault = (await cluster.kubectlOk('get', 'pod', 'vault', '-n', 'cardholder', '-o', 'jsonpath={.status.podIP}')).trim();
    const fetches = async (namespace: string, pod: string) =>
      (await cluster.kubectl('exec', '-n', namespace, pod, '--', 'curl', '-s', '-m', '1', `http://${vault}:8443/`)).stdout === 'vault\n';
    await eventually('the gateway reaches the vault', 8000, () => fetches('customer', 'payment-gateway'));
    assert.equal(await fetches('cardholder', 'tokens'), true, 'inside of the zone');
    assert.equal(await fetches('customer', 'storefront'), false);
    assert.equal(await fetches('default', 'web'), false, 'a namespace of no zone');
    await cluster.kubectlOk('delete', '-f', join(examples, 'pci'), '--now', '--ignore-not-found');
  });
});
