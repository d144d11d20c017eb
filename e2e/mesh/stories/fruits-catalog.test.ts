/** Seed 004: mutual TLS for MongoDB's own protocol without a change of the application, and the `tls-check` table. Both data planes. */
import assert from 'node:assert/strict';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { findMongo } from '../../../scripts/setup/mongo.mjs';
import { eventually, examples, root, type TestCluster } from '../../harness.ts';
import { createNamespace, dataPlanes, settles, startMesh } from '../kit.ts';
import { type Capture, capturePackets, tlsRecord } from './capture.ts';

const namespace = 'fruits-catalog';
const mongo = findMongo();
const noMongo = mongo === undefined && 'no mongo-java-server: "node scripts/setup/mongo.mjs" fetches one (needs Java and Maven)';
const file = (name: string) => `${examples}/fruits-catalog/${name}.yaml`;
const strict = `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: mongodb, namespace: ${namespace}}
spec: {selector: {matchLabels: {app: mongodb}}, mtls: {mode: STRICT}}
`;
const host = `mongodb.${namespace}.svc.cluster.local`;

/** What the example's Dockerfile builds, for the embedded cluster. */
function writeImage(folder: string): void {
  const image = {
    names: ['palisade/fruits-catalog'],
    command: ['/opt/node/node', '/app/server.mjs'],
    user: '1000:1000',
    binds: [
      { source: realpathSync(process.execPath), target: '/opt/node/node' },
      { source: `${examples}/fruits-catalog`, target: '/app' },
      { source: join(root, 'node_modules'), target: '/node_modules' },
    ],
  };
  writeFileSync(join(folder, 'fruits-catalog.yaml'), JSON.stringify(image));
}

for (const { name: mesh, skip } of dataPlanes) {
  describe(`seed 004, fruits-catalog, with the data plane ${mesh}`, { skip: skip || noMongo, timeout: 300_000 }, () => {
    const images = mkdtempSync(join(tmpdir(), 'palisade-images-'));
    let cluster: TestCluster;
    let capture: Capture | undefined;
    before(async () => {
      writeImage(images);
      cluster = await startMesh(mesh, 'enableAutoMtls: false\n', [images, mongo!]);
      await cluster.kubectlOk('apply', '-f', file('mesh-policy'));
      await createNamespace(cluster, namespace);
      await cluster.kubectlOk('apply', '-n', namespace, '-f', file('app'));
      await createNamespace(cluster, 'outside');
      await cluster.kubectlOk(
        'run',
        'stranger',
        '-n',
        'outside',
        '--image=palisade/fruits-catalog',
        `--env=MONGODB_URL=mongodb://mongodb.${namespace}/?directConnection=true`,
      );
      await cluster.kubectlOk('run', 'curl', '-n', 'outside', '--image=curlimages/curl', '--command', '--', 'sleep', '100000');
      for (const name of ['mongodb', 'fruits-catalog']) await rolledOut(name);
      await cluster.kubectlOk('wait', '-n', 'outside', '--for=condition=Ready', 'pod/stranger', 'pod/curl', '--timeout=60s');
    });
    after(async () => {
      capture?.stop();
      await cluster?.stop();
      rmSync(images, { recursive: true, force: true });
    });

    const rolledOut = (name: string) => cluster.kubectlOk('rollout', 'status', '-n', namespace, `deployment/${name}`, '--timeout=120s');
    /** The REST resource, asked from outside the mesh: only the way to the database is looked at here. */
    const fruits = async (at: string, ...args: string[]) => {
      const curl = ['curl', '-s', '-m', '8', '-w', ' %{http_code}', ...args, `http://${at}:8080/api/fruits`];
      return (await cluster.kubectl('exec', '-n', 'outside', 'curl', '--', ...curl)).stdout.replaceAll('\n', '');
    };
    const catalog = (...args: string[]) => fruits(`fruits-catalog.${namespace}`, ...args);
    const stranger = async (...args: string[]) =>
      fruits((await cluster.kubectlOk('get', 'pod', 'stranger', '-n', 'outside', '-o', 'jsonpath={.status.podIP}')).trim(), ...args);
    const add = (name: string) => ['-X', 'POST', '-d', JSON.stringify({ name, origin: 'here' })];
    const watchDatabase = async () => {
      capture?.stop();
      const path = 'jsonpath={.items[0].metadata.name}';
      const pod = await cluster.kubectlOk(
        'get',
        'pods',
        '-n',
        namespace,
        '-l',
        'app=mongodb',
        '--field-selector=status.phase=Running',
        '-o',
        path,
      );
      capture = await capturePackets(cluster, namespace, pod);
    };
    const check = async () =>
      (await cluster.palisade('authn', 'tls-check', 'deploy/fruits-catalog', host, '-n', namespace)).stdout.replaceAll(/ +/g, ' ');

    test('before: the application works, and its data can be read on the way', async () => {
      await watchDatabase();
      await settles('a fruit is stored', /"name":"quince".* 201$/, () => catalog(...add('quince')));
      await eventually('the fruit in the capture', 20_000, async () => /quince/.test(capture!.seen()));
      assert.match(await stranger(), /quince.* 200$/);
    });

    test('two annotations, a label, a DestinationRule and a VirtualService', async () => {
      await cluster.kubectlOk('label', 'namespace', namespace, 'istio-injection=enabled', 'palisade.dev/interception=redirect');
      const metadata = { annotations: { 'sidecar.istio.io/inject': 'true' } };
      const patch = (more: object) => JSON.stringify({ spec: { template: { metadata: { ...metadata, ...more } } } });
      await cluster.kubectlOk('patch', '-n', namespace, 'deployment/mongodb', '-p', patch({ labels: { version: 'v1' } }));
      await cluster.kubectlOk('patch', '-n', namespace, 'deployment/fruits-catalog', '-p', patch({}));
      await cluster.kubectlOk('apply', '-n', namespace, '-f', file('destination-rule'), '-f', file('virtual-service'));
      for (const name of ['mongodb', 'fruits-catalog']) await rolledOut(name);
      const names = "jsonpath={.items[0].spec['containers','initContainers'][*].name}";
      await eventually('the old pods are gone', 60_000, async () => {
        const found = await cluster.kubectlOk('get', 'pods', '-n', namespace, '-l', 'app=fruits-catalog', '-o', names);
        return /istio-proxy/.test(found) && /istio-init/.test(found);
      });
    });

    test('after: the application works, and nothing of it can be read', async () => {
      await settles('the way is there', / 200$/, () => catalog());
      await watchDatabase();
      await settles('a fruit is stored', /"name":"medlar".* 201$/, () => catalog(...add('medlar')));
      assert.match(await catalog(), /medlar.* 200$/);
      await eventually('records of TLS in the capture', 20_000, async () => tlsRecord.test(capture!.seen()));
      await sleep(500);
      assert.ok(!/medlar|sampledb/.test(capture!.seen()), 'neither the fruit nor the database is named');
    });

    test('the table of the seed', async () => {
      const title = 'HOST:PORT STATUS SERVER CLIENT AUTHN POLICY DESTINATION RULE';
      assert.equal(await check(), `${title}\n${host}:27017 OK HTTP/mTLS mTLS default/ mongodb/${namespace}\n`);
    });

    test('STRICT: a client without identity gets nothing; it did before (control)', async () => {
      assert.match(await stranger(), / 200$/, 'control: plain text is taken');
      await cluster.apply(strict);
      await settles('the stranger is refused', /MongoServerSelectionError.* 503$|MongoNetwork.* 503$/, () => stranger());
      assert.match(await catalog(), /medlar.* 200$/);
    });

    test('control: without the rule’s TLS the same call fails, and the table says why', async () => {
      const plain = JSON.stringify({ spec: { trafficPolicy: { tls: { mode: 'DISABLE' } } } });
      await cluster.kubectlOk('patch', '-n', namespace, 'destinationrule/mongodb', '--type=merge', '-p', plain);
      await settles('the table', new RegExp(`${host}:27017 CONFLICT mTLS HTTP mongodb/${namespace} mongodb/${namespace}`), check);
      // Connections that the driver keeps open were made before: new ones are asked for by a new pod.
      await cluster.kubectlOk('rollout', 'restart', '-n', namespace, 'deployment/fruits-catalog');
      await rolledOut('fruits-catalog');
      await settles('the application has lost its database', / 503$/, () => catalog());
    });
  });
}
