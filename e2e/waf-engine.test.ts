/** The sidecar pattern with both engines side by side: one pod on Apache's ModSecurity, one on ours, same attacks, same flow records. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { cannotRunClusters, eventually, startCluster, type TestCluster } from './harness.ts';

const victim = (engine: string) => `apiVersion: v1
kind: Pod
metadata: {name: ${engine}, annotations: {palisade.dev/waf-engine: ${engine}}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: modsecurity
      image: owasp/modsecurity-crs:v3.2-modsec2-apache
      env: [{name: SETPROXY, value: "True"}, {name: PROXYLOCATION, value: "http://127.0.0.1:8080/"}]
      readinessProbe: {tcpSocket: {port: 80}, periodSeconds: 1}
    - name: microsimserver
      image: kellybrazil/microsimserver
      readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
`;

const requests: readonly [path: string, status: string][] = [
  ['/', '200'],
  ['/?q=hello+world', '200'],
  ['/?username=joe%40example.com&password=%3BUNION+SELECT+1%2C+version%28%29+limit+1%2C1--', '403'],
  ['/?q=%3Cscript%3Ealert(1)%3C/script%3E', '403'],
  ['/?file=../../../../etc/passwd', '403'],
];

describe('both WAF engines behind one image', { skip: cannotRunClusters(), timeout: 180_000 }, () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await startCluster({ nodes: ['node1'] });
    const box =
      'apiVersion: v1\nkind: Pod\nmetadata: {name: box}\nspec:\n  terminationGracePeriodSeconds: 0\n  containers: [{name: box, image: busybox, command: [sleep, "3600"]}]\n';
    await cluster.apply([victim('modsecurity'), victim('palisade'), box].join('---\n'));
    await cluster.kubectlOk('wait', '--for=condition=Ready', 'pod', '--all', '--timeout=90s');
  });
  after(() => cluster?.stop());

  test('same statuses, same rules in the flow records', async () => {
    const statuses = async (engine: string) => {
      const ip = await cluster.kubectlOk('get', 'pod', engine, '-o', 'jsonpath={.status.podIP}');
      const found: [string, string][] = [];
      for (const [path] of requests) {
        const curl = [
          'curl',
          '-s',
          '-g',
          '-m',
          '5',
          '-o',
          '/dev/null',
          '-w',
          '%{http_code}',
          '-H',
          'Host: db.test',
          `http://${ip}:80${path}`,
        ];
        found.push([path, await cluster.kubectlOk('exec', 'box', '--', ...curl)]);
      }
      return found;
    };
    const records = (engine: string) =>
      eventually(`${engine} is recorded`, 10_000, async () => {
        const lines = await cluster.palisade('flows', '--to', `default/${engine}`, '--verdict', 'DROPPED', '-o', 'json');
        const all = lines.stdout.split('\n').filter((line) => line.startsWith('{'));
        const waf = all.map((line) => JSON.parse(line)).filter((record) => record.body.type === 'waf');
        return waf.length >= 3 && waf.map((record) => [record.body.path, record.reason, record.body.status]).sort();
      });
    for (const engine of ['modsecurity', 'palisade']) assert.deepEqual(await statuses(engine), requests, engine);
    assert.deepEqual(await records('palisade'), await records('modsecurity'));
  });
});
