// Runs inside namespaces of its own (kernel.test.ts starts it as their first process): two nodes, four pods, real packets. Prints
// one JSON line a check: {name, found, wanted}. Everything it makes dies with it.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { compilePolicies } from '../compile/compile.ts';
import { evaluatePacket } from '../evaluate.ts';
import type { ClusterSnapshot } from '../model.ts';
import { podsOf, policy, viewOf } from '../testing/fixtures.ts';
import { renderNftables } from './render-nftables.ts';
import type { NftRuleset } from './ruleset.ts';

const run = (command: string, args: readonly string[], input = '') =>
  execFileSync(command, args, { input, stdio: ['pipe', 'pipe', 'inherit'] });
const inside = (netns: string, command: string, args: readonly string[], input?: string) =>
  run('ip', ['netns', 'exec', netns, command, ...args], input);

const http = { name: 'http', protocol: 'TCP', port: 8080 } as const;
const pods = podsOf({
  'default/a': { labels: { app: 'a' }, node: 'node1' },
  'default/b': { labels: { app: 'b' }, node: 'node1', ports: [http] },
  'default/c': { labels: { app: 'c' }, node: 'node2', ports: [http] },
  'other/d': { labels: { app: 'a' }, node: 'node2' },
});
const nodes = [
  { name: 'node1', addresses: ['192.168.0.1', 'fd00:1::1'] },
  { name: 'node2', addresses: ['192.168.0.2', 'fd00:1::2'] },
];
const ports = [8080, 8081];
const clusterWith = (...networkPolicies: unknown[]): ClusterSnapshot => ({ namespaces: [], pods, nodes, networkPolicies });

function buildNetwork(): void {
  run('mount', ['--make-rprivate', '/']);
  run('mount', ['-t', 'tmpfs', 'tmpfs', '/run']);
  const sysctls = {
    'ipv4/ip_forward': 1,
    'ipv6/conf/all/forwarding': 1,
    'ipv4/conf/all/rp_filter': 0,
    'ipv4/conf/default/rp_filter': 0,
    'ipv6/conf/default/accept_dad': 0,
  };
  for (const { name } of nodes) {
    run('ip', ['netns', 'add', name]);
    for (const [key, value] of Object.entries(sysctls)) inside(name, 'sh', ['-c', `echo ${value} > /proc/sys/net/${key}`]);
    run('ip', ['-n', name, 'link', 'set', 'dev', 'lo', 'up']);
  }
  run('ip', ['link', 'add', 'name', 'up0', 'netns', 'node1', 'type', 'veth', 'peer', 'name', 'up0', 'netns', 'node2']);
  for (const { name, addresses } of nodes) {
    const batch = ['link set dev up0 up', `addr add ${addresses[0]}/24 dev up0`, `addr add ${addresses[1]}/64 dev up0 nodad`];
    run('ip', ['-n', name, '-batch', '-'], `${batch.join('\n')}\n`);
  }
  for (const pod of pods) {
    const [v4 = '', v6 = ''] = pod.ips;
    const home = pod.node!;
    const away = nodes.find((node) => node.name !== home)!;
    run('ip', ['netns', 'add', pod.name]);
    run('ip', [
      'link',
      'add',
      'name',
      `v${pod.name}`,
      'netns',
      home,
      'address',
      'ee:ee:ee:ee:ee:ee',
      'type',
      'veth',
      'peer',
      'name',
      'eth0',
      'netns',
      pod.name,
      'address',
      '02:00:00:00:00:01',
    ]);
    const node = [
      `link set dev v${pod.name} up`,
      ...[v4, v6].flatMap((ip) => [
        `route add ${ip}/${ip === v4 ? 32 : 128} dev v${pod.name}`,
        `neigh replace ${ip} lladdr 02:00:00:00:00:01 dev v${pod.name} nud permanent`,
      ]),
    ];
    run('ip', ['-n', home, '-batch', '-'], `${node.join('\n')}\n`);
    const [via4, via6] = nodes.find(({ name }) => name === home)!.addresses;
    run('ip', ['-n', away.name, '-batch', '-'], `route add ${v4}/32 via ${via4} dev up0\nroute add ${v6}/128 via ${via6} dev up0\n`);
    const own = [
      'link set dev lo up',
      `addr add ${v4}/32 dev eth0`,
      `addr add ${v6}/128 dev eth0 nodad`,
      'link set dev eth0 up',
      'neigh replace 169.254.1.1 lladdr ee:ee:ee:ee:ee:ee dev eth0 nud permanent',
      'route add default via 169.254.1.1 dev eth0 onlink',
      'neigh replace fe80::1 lladdr ee:ee:ee:ee:ee:ee dev eth0 nud permanent',
      'route add ::/0 via fe80::1 dev eth0 onlink',
    ];
    run('ip', ['-n', pod.name, '-batch', '-'], `${own.join('\n')}\n`);
  }
}

interface Answer {
  readonly id?: number;
  readonly event?: string;
  readonly result?: boolean;
  readonly code?: string;
}

/** One agent process in a namespace. */
class Agent {
  readonly #child: ChildProcess;
  readonly #answers: Answer[] = [];
  #waiting: (() => void)[] = [];
  #lastId = 0;

  constructor(netns: string) {
    const agent = fileURLToPath(new URL('./kernel-agent.worker.ts', import.meta.url));
    this.#child = spawn('ip', ['netns', 'exec', netns, process.execPath, agent], { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      this.#answers.push(JSON.parse(line) as Answer);
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const wake of waiting) wake();
    });
  }

  send(command: object): number {
    this.#lastId++;
    this.#child.stdin!.write(`${JSON.stringify({ id: this.#lastId, ...command })}\n`);
    return this.#lastId;
  }

  async answer(matches: (answer: Answer) => boolean): Promise<Answer> {
    for (;;) {
      const found = this.#answers.findIndex(matches);
      if (found >= 0) return this.#answers.splice(found, 1)[0]!;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async ask(command: object): Promise<boolean> {
    const id = this.send(command);
    return (await this.answer((answer) => answer.id === id)).result === true;
  }
}

const applied = new Map<string, NftRuleset>();

function apply(snapshot: ClusterSnapshot, without: readonly string[] = []): void {
  const compiled = compilePolicies(snapshot);
  for (const { name } of nodes) {
    const view = viewOf(snapshot, name);
    const rendered = renderNftables(compiled, { ...view, pods: view.pods.filter((pod) => !without.includes(pod.name)) }, applied.get(name));
    if (rendered.text !== '') inside(name, 'nft', ['-f', '-'], rendered.text);
    applied.set(name, rendered.ruleset);
  }
}

const report = (name: string, found: unknown, wanted: unknown) => writeFileSync(1, `${JSON.stringify({ name, found, wanted })}\n`);

buildNetwork();
const agents = new Map<string, Agent>([...pods.map((pod) => pod.name), 'node1'].map((name) => [name, new Agent(name)]));
const agent = (name: string): Agent => agents.get(name)!;
for (const pod of pods) await agent(pod.name).ask({ op: 'listen', ports });

/** What is expected to pass may take long on a busy machine; what is not is given a moment to prove us wrong. */
const probe = (from: string, op: 'tcp' | 'udp', host: string, port: number, isExpected: boolean) =>
  agent(from).ask({ op, host, port, timeoutMs: isExpected ? 10_000 : 400 });

async function compareAll(title: string, snapshot: ClusterSnapshot): Promise<void> {
  const compiled = compilePolicies(snapshot);
  const asked: Promise<void>[] = [];
  for (const source of pods) {
    for (const destination of pods.filter((pod) => pod !== source)) {
      for (const [family, host] of destination.ips.entries()) {
        for (const port of ports) {
          for (const op of ['tcp', 'udp'] as const) {
            const wanted = evaluatePacket(compiled, {
              src: { ip: source.ips[family]! },
              dst: { ip: host },
              protocol: op.toUpperCase(),
              port,
            }).allowed;
            asked.push(
              probe(source.name, op, host, port, wanted).then((found) =>
                report(`${title}: ${source.name} → ${destination.name} ${op} ${host} ${port}`, found, wanted),
              ),
            );
          }
        }
      }
    }
  }
  await Promise.all(asked);
}

const nothing = clusterWith();
const selective = clusterWith(
  policy('default', 'b', {
    podSelector: { matchLabels: { app: 'b' } },
    ingress: [{ from: [{ podSelector: { matchLabels: { app: 'a' } } }], ports: [{ port: 'http' }, { protocol: 'UDP', port: 8081 }] }],
  }),
  policy('default', 'c', {
    podSelector: { matchLabels: { app: 'c' } },
    ingress: [
      {
        from: [
          { namespaceSelector: {}, podSelector: { matchLabels: { app: 'b' } } },
          { ipBlock: { cidr: 'fd00:244::/64', except: ['fd00:244::1/128'] } },
        ],
      },
    ],
  }),
  policy('other', 'd', {
    podSelector: {},
    policyTypes: ['Egress'],
    egress: [{ to: [{ namespaceSelector: {} }], ports: [{ port: 'http' }] }],
  }),
);
const isolateA = clusterWith(policy('default', 'a', { podSelector: { matchLabels: { app: 'a' } }, policyTypes: ['Egress'] }));

apply(nothing, ['b']);
report('a pod that is not in the table yet is not reached', await probe('a', 'tcp', pods[1]!.ips[0]!, 8080, false), false);
report('a pod that is not in the table yet reaches nobody', await probe('b', 'tcp', pods[0]!.ips[0]!, 8080, false), false);
report('the node reaches it, for probes', await probe('node1', 'tcp', pods[1]!.ips[0]!, 8080, true), true);
apply(nothing);
await compareAll('no policy', nothing);
apply(selective);
await compareAll('selective', selective);
report('the node still reaches an isolated pod', await probe('node1', 'tcp', pods[1]!.ips[1]!, 8081, true), true);
report('the node is an outsider to pods of other nodes', await probe('node1', 'tcp', pods[2]!.ips[0]!, 8080, false), false);

inside('node2', 'nft', ['delete', 'table', 'inet', 'palisade-netpol']);
applied.delete('node2');
report('what a pod may receive is decided on its own node', await probe('a', 'tcp', pods[2]!.ips[0]!, 8080, true), true);

apply(nothing);
const held = agent('a').send({ op: 'hold', host: pods[2]!.ips[0]!, port: 8080 });
await agent('a').answer((answer) => answer.id === held && answer.event === 'open');
apply(isolateA);
const ended = await agent('a').answer((answer) => answer.id === held && answer.event === 'ended');
report('a connection that became forbidden is reset', ended.code, 'ECONNRESET');
report('and nothing new passes', await probe('a', 'tcp', pods[2]!.ips[0]!, 8080, false), false);
apply(nothing);
report('until the policy goes', await probe('a', 'tcp', pods[2]!.ips[0]!, 8080, true), true);

const full = renderNftables(compilePolicies(nothing), viewOf(nothing, 'node1'));
const listing = () => inside('node1', 'nft', ['-s', 'list', 'table', 'inet', 'palisade-netpol']).toString().split('\n').sort().join('\n');
const changed = listing();
inside('node1', 'nft', ['-f', '-'], full.text);
report('after all changes the kernel holds what a fresh start gives', changed === listing(), true);
report('done', true, true);
// The agents die with this process: it is the first of its pid namespace.
process.exit();
