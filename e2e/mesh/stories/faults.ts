/** What must not be felt by callers: each fault under load, counted by the client. Short and long forms share these tests. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { after, before, describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { PatchType } from '@palisade/kubernetes';
import { createHttpClient, type HttpApiClient, loadKubeconfig } from '@palisade/kubernetes/client';
import { parse } from 'yaml';
import { eventually, type TestCluster } from '../../harness.ts';
import { client, createNamespace, curl, type DataPlane, dataPlanes, service, settles, startMesh, workload } from '../kit.ts';

export interface FaultSizes {
  /** Requests under each fault; the load goes on until the fault is over, too. */
  readonly requests: number;
  /** Policy changes of a storm, at 1,000 a minute. */
  readonly changes: number;
  /** How long the authority is away; from 12 s on every certificate is past its renewal, and none expires before 200 s. */
  readonly awayMs: number;
  /** How long certificates are rotated, each every 10 s. */
  readonly rotateMs: number;
}

/** Ends politely: what is under way is answered, and new requests are while endpoints elsewhere forget it. */
const server = `{name: c, image: "node:24", command: [node, -e, 'const s=require("http").createServer((q,r)=>setTimeout(()=>r.end("ok"),5)).listen(8080);process.on("SIGTERM",()=>setTimeout(()=>process.exit(0),5000))'], readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}}`;
/** Renewed when 96 % of it are left: after 10 s, up to two sooner or later. */
const shortLived = `      annotations: {proxy.istio.io/config: "proxyMetadata: {SECRET_TTL: 4m, SECRET_GRACE_PERIOD_RATIO: '0.96'}"}\n`;
const renewedEveryMs = 10_000;

/**
 * Keep-alive connections, each request awaited: \`node -e SCRIPT URL REQUESTS CONNECTIONS\`. Runs until that many are sent and standard
 * input has ended, then prints \`{sent, failed, first}\`; anything but 200 has failed.
 */
const loadScript = `const http=require("http");const [url,wanted,width]=process.argv.slice(1);
const agent=new http.Agent({keepAlive:true,maxSockets:+width});let sent=0,failed=0,first="",over=false;
process.stdin.on("end",()=>{over=true}).resume();
const one=()=>new Promise((done)=>{sent++;const fail=(why)=>{failed++;first||=new Date().toISOString()+" "+why;done()};
const q=http.get(url,{agent,timeout:15000},(r)=>{let b="";r.on("data",(c)=>b+=c);r.on("end",()=>r.statusCode===200?done():fail(r.statusCode+" "+b.slice(0,120)));r.on("error",(e)=>fail(e.code))});
q.on("timeout",()=>q.destroy(new Error("timeout")));q.on("error",(e)=>fail(e.code||e.message))});
const lane=async()=>{while(!over||sent<+wanted)await one()};
Promise.all(Array.from({length:+width},lane)).then(()=>{console.log(JSON.stringify({sent,failed,first}));process.exit(0)})`;

interface LoadResult {
  readonly sent: number;
  readonly failed: number;
  readonly first: string;
}

const connections = 8;
/** 1,000 a minute. */
const changeEveryMs = 60;
/** Policies that change side by side: an API that is slow makes no smaller storm. */
const lanes = 8;
const laneNumbers = [...Array(lanes).keys()];
const laneName = (lane: number) => `viewer-${lane}`;
const policies = { group: 'security.istio.io', version: 'v1', resource: 'authorizationpolicies' };

const viewer = (change: number, name = 'viewer') => `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: ${name}, namespace: shop}
spec:
  selector: {matchLabels: {app: server}}
  rules:
  - from: [{source: {principals: ["cluster.local/ns/shop/sa/web"]}}]
  - to: [{operation: {paths: ["/change-${change}"]}}]
`;
const strict =
  'apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: default, namespace: istio-system}\nspec: {mtls: {mode: STRICT}}\n';

/** Certificates by files that hold something else: only the proxy can know. */
const unreadable = `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: unreadable, namespace: shop}
spec:
  host: server
  trafficPolicy: {tls: {mode: MUTUAL, clientCertificate: /etc/passwd, privateKey: /etc/passwd, caCertificates: /etc/passwd}}
`;

interface Load {
  /** No more faults: it ends when it has sent what it should. */
  finish(): void;
  readonly done: Promise<LoadResult>;
}

function startLoad(cluster: TestCluster, requests: number): Load {
  const words = ['exec', '-i', '-n', 'shop', 'deploy/web', '-c', 'c', '--', 'node', '-e', loadScript, 'http://server/'];
  const child = spawn('kubectl', [...words, String(requests), String(connections)], {
    env: { ...process.env, KUBECONFIG: cluster.running.kubeconfig },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const ended = Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)]);
  const done = ended.then(([[code], output, complaint]) => {
    if (code !== 0) throw new Error(`the load: exit code ${code}: ${complaint}`);
    return JSON.parse(output) as LoadResult;
  });
  // Awaited later: what the fault throws comes first.
  done.catch(() => {});
  return { finish: () => child.stdin.end(), done };
}

let api: HttpApiClient | undefined;
/** Over connections that stay: kubectl takes longer to start than a change may last. */
async function changeViewer(cluster: TestCluster, change: number, name: string): Promise<void> {
  api ??= createHttpClient(loadKubeconfig(cluster.running.kubeconfig));
  const { spec } = parse(viewer(change, name)) as { spec: object };
  await api.patch(policies, { namespace: 'shop', name }, PatchType.merge, { spec });
}

export function describeFaults(mesh: DataPlane, { requests, changes, awayMs, rotateMs }: FaultSizes): void {
  const { skip } = dataPlanes.find(({ name }) => name === mesh)!;
  describe(`faults with the data plane ${mesh}`, { skip, timeout: 1_800_000 }, () => {
    let cluster: TestCluster;
    before(async () => {
      cluster = await startMesh(mesh);
      await createNamespace(cluster, 'shop', 'istio-injection=enabled', 'palisade.dev/interception=redirect');
      const manifests = [
        workload('shop', 'server', { container: server, metadata: shortLived }),
        workload('shop', 'web', { container: client.replace('curlimages/curl', 'node:24'), metadata: shortLived }),
        service('shop', 'server', '{name: http, port: 80, targetPort: 8080}'),
        workload('default', 'stranger', { container: client }),
      ];
      await cluster.apply([...manifests, viewer(0), strict].join('---\n'));
      await cluster.kubectlOk('scale', '-n', 'shop', 'deployment/server', '--replicas=2');
      for (const place of ['shop/server', 'shop/web', 'default/stranger']) await rolledOut(place);
    });
    after(async () => {
      api?.close();
      api = undefined;
      await cluster?.stop();
    });

    const rolledOut = (place: string) => {
      const [namespace, name] = place.split('/') as [string, string];
      return cluster.kubectlOk('rollout', 'status', '-n', namespace, `deployment/${name}`, '--timeout=180s');
    };
    const podOf = async (app: string) =>
      (await cluster.kubectlOk('get', 'pods', '-n', 'shop', '-l', `app=${app}`, '-o', 'jsonpath={.items[0].metadata.name}')).trim();
    const web = (...args: string[]) => curl(cluster, ['-n', 'shop', 'deploy/web'], ...args);
    const stranger = (...args: string[]) => curl(cluster, ['deploy/stranger'], ...args);

    /** @returns what the client counted while `fault` ran, and at least `requests` */
    async function underLoad(fault: () => Promise<void>, atLeast = requests): Promise<LoadResult> {
      await settles('a way to the server', /^ok 200$/, () => web('http://server/'));
      const load = startLoad(cluster, atLeast);
      try {
        await sleep(1000);
        await fault();
      } finally {
        load.finish();
      }
      const result = await load.done;
      assert.ok(result.sent >= atLeast, `only ${result.sent} requests were sent`);
      return result;
    }
    const lostNothing = (t: TestContext, { sent, failed, first }: LoadResult) => {
      t.diagnostic(`${failed} of ${sent} requests lost`);
      assert.equal(failed, 0, `${failed} of ${sent} were lost, the first: ${first}`);
    };
    const serial = async () =>
      /default +Cert Chain +ACTIVE +true +(\S+)/.exec(
        (await cluster.palisade('pc', 'secrets', await podOf('server'), '-n', 'shop')).stdout,
      )?.[1];
    const status = async () => (await cluster.palisade('proxy-status')).stdout;
    const istiodIs = (replicas: number) =>
      eventually(`istiod has ${replicas} ready pods`, 120_000, async () => {
        const path = 'jsonpath={.status.readyReplicas}';
        return Number((await cluster.kubectlOk('get', 'deployment', 'istiod', '-n', 'istio-system', '-o', path)) || 0) === replicas;
      });

    test('control: the client counts what is lost', async () => {
      const denyAll =
        'apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: nobody, namespace: shop}\nspec: {action: DENY, rules: [{}]}\n';
      const { failed, first } = await underLoad(async () => {
        await cluster.apply(denyAll);
        await settles('denied', /403$/, () => web('http://server/'));
        await cluster.kubectlOk('delete', 'authorizationpolicy', 'nobody', '-n', 'shop');
      }, 100);
      assert.ok(failed > 0);
      assert.match(first, /403 RBAC: access denied/);
    });

    test('the control plane, and so the authority, is away: nothing lost, new pods wait until it is back', async (t) => {
      const before = await serial();
      assert.ok(before !== undefined);
      const ready = () => cluster.kubectlOk('get', 'deployment', 'server', '-n', 'shop', '-o', 'jsonpath={.status.readyReplicas}');
      lostNothing(
        t,
        await underLoad(async () => {
          await cluster.kubectlOk('scale', '-n', 'istio-system', 'deployment/istiod', '--replicas=0');
          await istiodIs(0);
          await cluster.kubectlOk('scale', '-n', 'shop', 'deployment/server', '--replicas=3');
          await sleep(awayMs);
          assert.equal(await ready(), '2', 'no pod starts without its proxy');
          await cluster.kubectlOk('scale', '-n', 'istio-system', 'deployment/istiod', '--replicas=1');
          await istiodIs(1);
        }),
      );
      await rolledOut('shop/server');
      await eventually('a certificate made since', 120_000, async () => ![before, undefined].includes(await serial()));
      assert.equal(await web('http://server/'), 'ok 200');
      await cluster.kubectlOk('scale', '-n', 'shop', 'deployment/server', '--replicas=2');
      await rolledOut('shop/server');
    });

    test('the control plane is killed and comes back: nothing lost', async (t) => {
      lostNothing(
        t,
        await underLoad(async () => {
          await cluster.kubectlOk('delete', 'pod', '-n', 'istio-system', '-l', 'app=istiod', '--grace-period=0', '--force');
          await sleep(1000);
          await istiodIs(1);
        }),
      );
    });

    test('certificates of both ends are rotated every 10 s: nothing lost', async (t) => {
      const serials = new Set<string | undefined>();
      lostNothing(
        t,
        await underLoad(async () => {
          for (const started = Date.now(); Date.now() - started < rotateMs; await sleep(renewedEveryMs / 2)) serials.add(await serial());
        }),
      );
      // A little fewer than there were: a look may fall on both sides of two renewals.
      assert.ok(serials.size >= rotateMs / renewedEveryMs / 1.5, `${serials.size} certificates in ${rotateMs} ms`);
      assert.ok(!serials.has(undefined));
    });

    test('a configuration that proxies cannot take: they say why and keep the last good one, nothing lost', async (t) => {
      lostNothing(
        t,
        await underLoad(async () => {
          await cluster.apply(unreadable);
          await settles('refused, with the reason', /NACK[\s\S]*certificate/, status);
          assert.equal(await web('http://server/'), 'ok 200');
          await cluster.kubectlOk('delete', 'destinationrule', 'unreadable', '-n', 'shop');
          await settles('followed again', /^(?![\s\S]*(?:STALE|NACK))[\s\S]*server-/, status);
        }),
      );
    });

    test('a rolling restart: nothing lost', async (t) => {
      lostNothing(
        t,
        await underLoad(async () => {
          await cluster.kubectlOk('rollout', 'restart', '-n', 'shop', 'deployment/server');
          await rolledOut('shop/server');
          // The last old pod is still ending.
          await sleep(8000);
        }),
      );
    });

    test(`a storm of ${changes} policy changes: nothing lost, and the last one holds`, async (t) => {
      assert.match(await stranger('http://server.shop/'), / 000$/, 'control: no identity, no answer');
      await cluster.apply(laneNumbers.map((lane) => viewer(0, laneName(lane))).join('---\n'));
      lostNothing(
        t,
        await underLoad(async () => {
          const started = Date.now();
          const change = async (lane: number) => {
            for (let number = lane + 1; number <= changes; number += lanes) {
              await sleep(Math.max(0, started + number * changeEveryMs - Date.now()));
              await changeViewer(cluster, number, laneName(lane));
            }
          };
          await Promise.all(laneNumbers.map(change));
          t.diagnostic(`${Math.round((changes * 60_000) / (Date.now() - started))} changes a minute`);
        }),
      );
      await settles('every proxy has followed', /^(?![\s\S]*(?:STALE|NACK))[\s\S]*server-/, status);
      const config = await cluster.palisade('pc', 'listeners', await podOf('server'), '-n', 'shop', '-o', 'json');
      const held = new Set([...config.stdout.matchAll(/"\/change-(\d+)"/g)].map(([, number]) => Number(number)));
      // And `viewer`, which did not change.
      const last = [0, ...laneNumbers.map((lane) => changes - lane)];
      assert.deepEqual(
        [...held].sort((a, b) => a - b),
        last.sort((a, b) => a - b),
        'the last change of each policy is in the proxy, and none before it',
      );
    });

    test('a proxy is killed: its pod’s traffic fails closed, and comes back with it', async () => {
      await cluster.kubectlOk('scale', '-n', 'shop', 'deployment/server', '--replicas=1');
      await rolledOut('shop/server');
      // Every process of its container, the agent and the proxy; the shell that does it goes with them.
      const kill = 'cd /proc; for p in [0-9]*; do [ $p = $$ ] || kill -KILL $p; done';
      assert.equal(await web('http://server/'), 'ok 200', 'control');
      await cluster.kubectl('exec', '-n', 'shop', 'deploy/server', '-c', 'istio-proxy', '--', 'sh', '-c', kill);
      const gone = await Promise.all(Array.from({ length: 5 }, () => stranger('-m', '1', `http://server.shop/`)));
      assert.ok(
        gone.every((answer) => / 000$/.test(answer)),
        `nobody gets past the dead proxy: ${gone.join('; ')}`,
      );
      await settles('the proxy is back', /^ok 200$/, () => web('http://server/'));
      assert.match(await stranger('http://server.shop/'), / 000$/);
    });
  });
}
