import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { type Chapter, type ChapterStage, curlFrom, expectAnswer, rolledOut } from './chapter.ts';

const namespace = 'fruits-catalog';
const host = `mongodb.${namespace}.svc.cluster.local`;
const strict = JSON.stringify({
  apiVersion: 'security.istio.io/v1',
  kind: 'PeerAuthentication',
  metadata: { name: 'mongodb', namespace },
  spec: { selector: { matchLabels: { app: 'mongodb' } }, mtls: { mode: 'STRICT' } },
});

/** What the example's Dockerfile builds, as an image of the embedded cluster. @param root folder of the clone */
export function catalogImage(root: string): object {
  return {
    names: ['palisade/fruits-catalog'],
    command: ['/opt/node/node', '/app/server.mjs'],
    user: '1000:1000',
    binds: [
      { source: realpathSync(process.execPath), target: '/opt/node/node' },
      { source: join(root, 'examples', 'fruits-catalog'), target: '/app' },
      { source: join(root, 'node_modules'), target: '/node_modules' },
    ],
  };
}

/** @returns folder with the definition of image `mongo`, when set-up could fetch the server (it needs Java and Maven) */
export function findMongoImages(cacheDir: string): string | undefined {
  const tools = join(cacheDir, 'tools');
  const folders = existsSync(tools) ? readdirSync(tools).filter((name) => name.startsWith('mongo-java-server-')) : [];
  return folders.map((name) => join(tools, name, 'images')).find((images) => existsSync(join(images, 'mongo.yaml')));
}

/** @param missing why there is no database */
export function fruitsCatalog(missing: string | undefined): Chapter {
  return {
    title: 'Fruits catalog: mutual TLS for MongoDB’s own protocol, the application unchanged',
    why: 'The official driver speaks plain text to its proxy; between the proxies nobody reads along, and a client without identity gets nothing.',
    ...(missing === undefined ? {} : { missing }),
    play,
  };
}

async function play(stage: ChapterStage) {
  const { shell } = stage;
  const fruits = (at: string, ...args: string[]) =>
    curlFrom(stage, ['-n', 'fruit-thieves', 'curl'], ...args, `http://${at}:8080/api/fruits`);
  const catalog = (...args: string[]) => fruits(`fruits-catalog.${namespace}`, ...args);
  const thief = async () => {
    const address = await shell.run('kubectl', 'get', 'pod', 'thief', '-n', 'fruit-thieves', '-o', 'jsonpath={.status.podIP}');
    return fruits(address.stdout.trim());
  };
  const table = async () =>
    (await stage.palisade('authn', 'tls-check', 'deploy/fruits-catalog', host, '-n', namespace)).trim().split('\n').at(-1) ?? '';
  await shell.run('kubectl', 'create', 'namespace', namespace);
  await shell.run('kubectl', 'create', 'namespace', 'fruit-thieves');
  await shell.show('kubectl', 'label', 'namespace', namespace, 'istio-injection=enabled', 'palisade.dev/interception=redirect');
  const inPlace = ['-n', namespace, '-f'];
  await shell.show('kubectl', 'apply', ...inPlace, 'examples/fruits-catalog/app.yaml');
  const label = JSON.stringify({ spec: { template: { metadata: { labels: { version: 'v1' } } } } });
  await shell.show('kubectl', 'patch', '-n', namespace, 'deployment/mongodb', '-p', label);
  await shell.show('kubectl', 'apply', ...inPlace, 'examples/fruits-catalog/destination-rule.yaml');
  await shell.show('kubectl', 'apply', ...inPlace, 'examples/fruits-catalog/virtual-service.yaml');
  const database = `--env=MONGODB_URL=mongodb://mongodb.${namespace}/?directConnection=true`;
  await shell.run('kubectl', 'run', 'thief', '-n', 'fruit-thieves', '--image=palisade/fruits-catalog', database);
  await shell.run('kubectl', 'run', 'curl', '-n', 'fruit-thieves', '--image=curlimages/curl', '--command', '--', 'sleep', '100000');
  await rolledOut(stage, namespace, 'mongodb', 'fruits-catalog');
  const quince = ['-X', 'POST', '-d', '{"name":"quince","origin":"here"}'];
  const before = [
    await expectAnswer(stage, 'the application stores a fruit', /"name":"quince".* 201$/, () => catalog(...quince)),
    await expectAnswer(stage, 'tls-check: both sides agree on mutual TLS', /27017 +OK +HTTP\/mTLS +mTLS /, table),
    await expectAnswer(stage, 'PERMISSIVE: a client without identity reads it', /quince.* 200$/, thief),
  ];
  await shell.show('sh', '-c', `echo '${strict}' | kubectl apply -f -`);
  const protectedNow = [
    await expectAnswer(stage, 'STRICT: the client without identity gets nothing', / 503$/, thief),
    await expectAnswer(stage, 'STRICT: the application reads on', /quince.* 200$/, () => catalog()),
    await expectAnswer(stage, 'tls-check: mutual TLS and nothing else', /27017 +OK +mTLS +mTLS /, table),
  ];
  const plain = JSON.stringify({ spec: { trafficPolicy: { tls: { mode: 'DISABLE' } } } });
  await shell.show('kubectl', 'patch', '-n', namespace, 'destinationrule/mongodb', '--type=merge', '-p', plain);
  const conflict = await expectAnswer(stage, 'control: without the rule’s TLS both sides disagree', /27017 +CONFLICT +mTLS +HTTP /, table);
  await shell.run('kubectl', 'delete', 'peerauthentication', 'mongodb', '-n', namespace);
  const control = await expectAnswer(stage, 'control: without STRICT the client reads again', /quince.* 200$/, thief);
  return [...before, ...protectedNow, conflict, control];
}
