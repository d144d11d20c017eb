/** What proxies of both data planes report: flow records with the policy behind a denial, and Istio's metrics on 15020. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { FlowRecord } from '@palisade/flow';
import { cannotRunClusters, eventually, type TestCluster } from '../harness.ts';
import { createNamespace, dataPlanes, startMesh } from './kit.ts';

const workload = (name: string, container: string) => `apiVersion: v1
kind: ServiceAccount
metadata: {name: ${name}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}}
spec:
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}, version: v1}}
    spec:
      serviceAccountName: ${name}
      containers:
      - ${container}
---
`;
const server = 'h=require("http");h.createServer((q,r)=>r.end("ok\\n")).listen(9080)';
const shop = `${workload('details', `{name: c, image: "node:24", command: [node, -e, '${server}']}`)}${workload(
  'client',
  '{name: c, image: curlimages/curl, command: [sleep, "100000"]}',
)}apiVersion: v1
kind: Service
metadata: {name: details}
spec: {selector: {app: details}, ports: [{name: http, port: 9080}]}
`;
const noPosts = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: no-posts}
spec: {selector: {matchLabels: {app: details}}, action: DENY, rules: [{to: [{operation: {methods: [POST]}}]}]}
`;
const strict = 'apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: default}\nspec: {mtls: {mode: STRICT}}\n';
const placed = (manifest: string, namespace: string) =>
  manifest.replaceAll('metadata: {name:', `metadata: {namespace: ${namespace}, name:`);

describe('telemetry', { skip: cannotRunClusters(), timeout: 240_000 }, () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await startMesh('palisade');
    const present = dataPlanes.filter(({ skip }) => skip === false);
    for (const { name } of present) {
      await createNamespace(cluster, name, 'istio-injection=enabled', `palisade.dev/dataplane=${name}`);
      await cluster.apply(placed(shop, name));
    }
    await cluster.apply(
      'apiVersion: v1\nkind: Pod\nmetadata: {name: outsider}\nspec:\n  containers:\n  - {name: c, image: curlimages/curl, command: [sleep, "100000"]}\n',
    );
    for (const { name } of present)
      for (const deployment of ['details', 'client'])
        await cluster.kubectlOk('rollout', 'status', '-n', name, `deployment/${deployment}`, '--timeout=90s');
    await cluster.kubectlOk('wait', '--for=condition=Ready', 'pod/outsider', '--timeout=60s');
  });
  after(() => cluster?.stop());

  const curl = async (from: string[], ...args: string[]) =>
    (await cluster.kubectl('exec', ...from, '-c', 'c', '--', 'curl', '-s', '-m', '5', '-o', '/dev/null', '-w', '%{http_code}', ...args))
      .stdout;
  const flows = async (namespace: string): Promise<FlowRecord[]> => {
    const text = await cluster.kubectlOk('get', '--raw', `/apis/observe.palisade.dev/v1alpha1/flows?namespace=${namespace}`);
    return text
      .trimEnd()
      .split('\n')
      .flatMap((line) => (line === '' ? [] : [JSON.parse(line) as FlowRecord]));
  };
  const shows = async (namespace: string, matches: (flow: FlowRecord) => boolean): Promise<FlowRecord> => {
    let found: FlowRecord | undefined;
    await eventually('the flow record', 20_000, async () => {
      found = (await flows(namespace)).find(matches);
      return found !== undefined;
    });
    return found!;
  };
  const isHttp = (flow: FlowRecord, direction: string, path: string) =>
    flow.direction === direction && flow.body.type === 'http' && flow.body.path === path;

  for (const { name: dataPlane, skip } of dataPlanes) {
    const client = ['-n', dataPlane, 'deploy/client'];
    const url = `http://details.${dataPlane}:9080`;
    const identity = (account: string) => `spiffe://cluster.local/ns/${dataPlane}/sa/${account}`;

    test(`${dataPlane}: an answered request is seen at both ends, with identity and padlock`, { skip }, async () => {
      await eventually('the service answers', 30_000, async () => (await curl(client, `${url}/seen?a=1`)) === '200');
      const inbound = await shows(dataPlane, (flow) => isHttp(flow, 'ingress', '/seen?a=1'));
      assert.equal(inbound.verdict, 'FORWARDED');
      assert.equal(inbound.source.identity, identity('client'));
      assert.match(inbound.source.pod ?? '', /^client-/);
      assert.match(inbound.destination.pod ?? '', /^details-/);
      assert.equal(inbound.destination.identity, identity('details'));
      assert.ok(inbound.body.type === 'http' && inbound.body.isMutualTls === true && inbound.body.status === 200);
      const outbound = await shows(dataPlane, (flow) => isHttp(flow, 'egress', '/seen?a=1'));
      assert.match(outbound.source.pod ?? '', /^client-/);
      assert.match(outbound.destination.pod ?? '', /^details-/);
    });

    test(`${dataPlane}: a denied request is shown with its policy; an allowed one beside it is not denied (control)`, {
      skip,
    }, async () => {
      await cluster.apply(placed(noPosts, dataPlane));
      await eventually('the policy is in force', 30_000, async () => (await curl(client, '-X', 'POST', `${url}/denied`)) === '403');
      assert.equal(await curl(client, `${url}/allowed`), '200');
      const denied = await shows(dataPlane, (flow) => isHttp(flow, 'ingress', '/denied') && flow.verdict === 'DROPPED');
      assert.deepEqual(denied.policy, {
        kind: 'AuthorizationPolicy',
        namespace: dataPlane,
        name: 'no-posts',
        direction: 'ingress',
        rule: '0',
      });
      assert.equal(denied.source.identity, identity('client'));
      const allowed = await shows(dataPlane, (flow) => isHttp(flow, 'ingress', '/allowed'));
      assert.deepEqual([allowed.verdict, allowed.policy], ['FORWARDED', undefined]);
    });

    test(`${dataPlane}: plain text against STRICT is reported, though nothing was served`, { skip }, async () => {
      assert.equal(await curl(['outsider'], `${url}/plain`), '200');
      await cluster.apply(placed(strict, dataPlane));
      await eventually('plain text is refused', 30_000, async () => (await curl(['outsider'], `${url}/plain`)) === '000');
      const refused = await shows(dataPlane, (flow) => flow.verdict === 'DROPPED' && flow.source.pod === 'outsider');
      assert.match(refused.reason, /mutual TLS is required|TLS failed/);
    });

    test(`${dataPlane}: Istio’s metrics on 15020, of both sides`, { skip }, async () => {
      const scrape = (deployment: string) =>
        cluster
          .kubectl(
            'exec',
            '-n',
            dataPlane,
            `deploy/${deployment}`,
            '-c',
            'c',
            '--',
            ...read('http://127.0.0.1:15020/stats/prometheus', deployment),
          )
          .then(({ stdout }) => stdout);
      const read = (address: string, deployment: string) =>
        deployment === 'client'
          ? ['curl', '-s', address]
          : ['node', '-e', `fetch("${address}").then(r=>r.text()).then(t=>process.stdout.write(t))`];
      await eventually('the server’s metrics', 20_000, async () => {
        const lines = (await scrape('details')).split('\n').filter((line) => line.startsWith('istio_requests_total{'));
        const has = (...labels: string[]) => lines.some((line) => labels.every((label) => line.includes(label)));
        const common = [
          'reporter="destination"',
          'source_workload="client"',
          'source_app="client"',
          'source_version="v1"',
          `source_principal="${identity('client')}"`,
          `destination_principal="${identity('details')}"`,
          'destination_workload="details"',
          'destination_app="details"',
          'destination_version="v1"',
          `destination_service="details.${dataPlane}.svc.cluster.local"`,
          'connection_security_policy="mutual_tls"',
        ];
        return has(...common, 'response_code="200"') && has(...common, 'response_code="403"');
      });
      const text = await scrape('client');
      const source =
        text.split('\n').find((line) => line.startsWith('istio_requests_total{') && line.includes('response_code="200"')) ?? '';
      for (const label of ['reporter="source"', 'source_workload="client"', 'destination_workload="details"', 'destination_version="v1"'])
        assert.ok(source.includes(label), `${label} in ${source}`);
      assert.match(text, /^istio_request_duration_milliseconds_bucket\{/m);
      assert.match(text, /^envoy_/m);
    });
  }

  // The policies and STRICT of before are in force in both namespaces.
  const pairs = dataPlanes.flatMap((from) => dataPlanes.filter((to) => to !== from).map((to) => [from, to] as const));
  for (const [from, to] of pairs)
    test(`${from.name} calls ${to.name}: mutual TLS, identity and verdict of the other`, { skip: from.skip || to.skip }, async () => {
      const url = `http://details.${to.name}:9080`;
      const client = ['-n', from.name, 'deploy/client'];
      const path = `/from-${from.name}`;
      assert.equal(await curl(client, `${url}${path}`), '200');
      assert.equal(await curl(client, '-X', 'POST', `${url}${path}`), '403');
      assert.equal(await curl(['outsider'], `${url}${path}`), '000', 'control: no identity, no answer');
      const seen = await shows(to.name, (flow) => isHttp(flow, 'ingress', path) && flow.verdict === 'FORWARDED');
      assert.equal(seen.source.identity, `spiffe://cluster.local/ns/${from.name}/sa/client`);
      assert.ok(seen.body.type === 'http' && seen.body.isMutualTls === true && seen.body.status === 200);
    });
});
