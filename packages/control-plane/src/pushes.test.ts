import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAuthorizationPolicy } from '@palisade/mesh';
import { defaultSettings, type MeshService, type MeshSnapshot, type Workload } from '@palisade/mesh/traffic';
import { TypeUrl } from '@palisade/xds';
import type { ProxyConnection, ResourceSnapshot } from '@palisade/xds/server';
import { createPushes } from './pushes.ts';
import type { ProxyIdentity } from './token.ts';

const apps = ['web', 'db', 'auth'];
const addressOf = (app: string) => `10.0.0.${apps.indexOf(app) + 1}`;
const service = (app: string, isReady = true): MeshService => ({
  name: app,
  namespace: 'shop',
  hostname: `${app}.shop.svc.cluster.local`,
  addresses: [`10.96.0.${apps.indexOf(app) + 1}`],
  ports: [{ name: 'http', port: 80, protocol: 'http' }],
  endpoints: [
    {
      address: addressOf(app),
      portName: 'http',
      port: 8080,
      isReady,
      namespace: 'shop',
      serviceAccount: app,
      labels: { app },
      acceptsMtls: true,
    },
  ],
});
const empty: MeshSnapshot = {
  settings: defaultSettings,
  services: apps.map((app) => service(app)),
  authorizationPolicies: [],
  peerAuthentications: [],
  requestAuthentications: [],
  legacy: { authentication: [], rbac: { configs: [], roles: [], bindings: [] } },
  findJwks: () => undefined,
  destinationRules: [],
  virtualServices: [],
  gateways: [],
  providers: new Map(),
};
const policy = (name: string, spec: object) =>
  parseAuthorizationPolicy({
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name, namespace: 'shop' },
    spec,
  });

function start() {
  let current = empty;
  const waiting: { action: () => void; ms: number }[] = [];
  const pushedTo: string[] = [];
  let looked = () => {};
  const last = new Map<string, ResourceSnapshot>();
  const pushes = createPushes({
    snapshot() {
      looked();
      return current;
    },
    workloadOf: ({ pod = '' }): Workload => ({
      namespace: 'shop',
      name: pod,
      labels: { app: pod },
      addresses: [addressOf(pod)],
      serviceAccount: pod,
      isGateway: false,
      interception: 'redirect',
    }),
    secretsFor: () => [],
    later: (action, ms) => void waiting.push({ action, ms }),
    log: assert.fail,
  });
  for (const pod of apps) {
    const push = (resources: ResourceSnapshot) => {
      pushedTo.push(pod);
      last.set(pod, resources);
    };
    const identity = { id: { trustDomain: 'cluster.local', namespace: 'shop', serviceAccount: pod }, pod };
    pushes.add({ identity, node: { id: pod }, push } as unknown as ProxyConnection<ProxyIdentity>);
  }
  pushedTo.length = 0;
  return {
    last,
    /** Told of every round of pushes. */
    pushed(listener: () => void) {
      looked = listener;
    },
    waiting,
    pushes,
    /** Takes what waits, until nothing does. @returns who was sent something */
    change(next: Partial<MeshSnapshot>): string[] {
      current = { ...current, ...next };
      pushes.schedule();
      while (waiting.length > 0) waiting.shift()!.action();
      return pushedTo.splice(0).sort();
    },
  };
}

test('a policy reaches the workloads it selects, and its end too', () => {
  const { change } = start();
  const forDb = policy('db', { selector: { matchLabels: { app: 'db' } }, rules: [{}] });
  assert.deepEqual(change({ authorizationPolicies: [forDb] }), ['db']);
  assert.deepEqual(change({ authorizationPolicies: [forDb, policy('all', {})] }), ['auth', 'db', 'web']);
  assert.deepEqual(change({ authorizationPolicies: [policy('all', {}), forDb] }), ['auth', 'db', 'web'], 'a new object for all');
  assert.deepEqual(change({ authorizationPolicies: [forDb] }), ['auth', 'db', 'web']);
  assert.deepEqual(change({ authorizationPolicies: [] }), ['db']);
});

test('what concerns nobody here is sent to nobody', () => {
  const { change } = start();
  const elsewhere = { ...policy('x', {}), namespace: 'bank' };
  assert.deepEqual(change({ authorizationPolicies: [elsewhere] }), []);
  assert.deepEqual(change({}), []);
});

test('an endpoint goes to every client, and only its cluster is new', () => {
  const { change, last } = start();
  const before = last.get('web')!;
  assert.deepEqual(change({ services: [service('web'), service('db', false), service('auth')] }), ['auth', 'db', 'web']);
  const changed = (type: string) =>
    [...last.get('web')!.get(type)!]
      .filter(([name, { version }]) => before.get(type)!.get(name)?.version !== version)
      .map(([name]) => name);
  assert.deepEqual(changed(TypeUrl.clusterLoadAssignment), ['outbound|80||db.shop.svc.cluster.local']);
  assert.deepEqual([TypeUrl.cluster, TypeUrl.listener, TypeUrl.routeConfiguration].flatMap(changed), []);
});

test('the first change after a calm goes at once; the next ones together; while they keep coming nobody waits for ever', () => {
  const { pushes, waiting, pushed } = start();
  let nowMs = 0;
  const timers: { action: () => void; at: number }[] = [];
  /** Runs what is due until then. */
  const run = (untilMs: number) => {
    for (;;) {
      timers.push(...waiting.splice(0).map(({ action, ms }) => ({ action, at: nowMs + ms })));
      timers.sort((a, b) => a.at - b.at);
      if (timers[0] === undefined || timers[0].at > untilMs) break;
      const { action, at } = timers.shift()!;
      nowMs = at;
      action();
    }
    nowMs = untilMs;
  };
  const rounds: number[] = [];
  pushed(() => rounds.push(nowMs));
  pushes.schedule();
  pushes.schedule();
  run(4);
  assert.deepEqual(rounds, []);
  run(10);
  assert.deepEqual(rounds, [5]);
  pushes.schedule();
  run(20);
  pushes.schedule();
  run(200);
  assert.deepEqual(rounds, [5, 60], 'a pause after the last one');
  run(1000);
  pushes.schedule();
  run(1010);
  assert.deepEqual(rounds, [5, 60, 1005], 'calm again');
  // A storm: a change every 10 ms for two seconds.
  for (; nowMs < 3010; run(nowMs + 10)) pushes.schedule();
  run(4000);
  const gaps = rounds.slice(3).map((at, index) => at - rounds[index + 2]!);
  assert.ok(gaps.length >= 8 && gaps.length <= 11, `${gaps.length} rounds in two seconds`);
  assert.ok(Math.max(...gaps) <= 300, `${gaps}`);
});
