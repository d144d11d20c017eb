// A server of MongoDB's protocol that is not ours, for the story of seed 004: mongo-java-server (Maven), as an image of the embedded
// cluster. Fetched only by those who ask for it; it runs on the machine's own Java.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { cacheDir, giveToUser, makeUserDir } from './paths.mjs';

const version = '1.46.0';
const folder = () => join(cacheDir(), 'tools', `mongo-java-server-${version}`);
const imageFile = () => join(folder(), 'images', 'mongo.yaml');

/** @returns {string | undefined} the folder with the image's definition, when it is there */
export function findMongo() {
  return existsSync(imageFile()) ? dirname(imageFile()) : undefined;
}

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>dev.palisade</groupId><artifactId>mongo</artifactId><version>1</version>
<dependencies><dependency><groupId>de.bwaldvogel</groupId><artifactId>mongo-java-server</artifactId><version>${version}</version></dependency></dependencies>
</project>`;

/** @returns {string | undefined} the folder with the image's definition; undefined (and said why) when it could not be fetched */
export function installMongo(say) {
  if (findMongo() !== undefined) return findMongo();
  const java = javaHome();
  if (java === undefined) {
    say('setup: there is no Java here; the story of seed 004 is skipped.');
    return undefined;
  }
  makeUserDir(dirname(folder()));
  say('setup: fetching mongo-java-server (Maven, 3 MB) …');
  const scratch = mkdtempSync(join(tmpdir(), 'palisade-mongo-'));
  try {
    writeFileSync(join(scratch, 'pom.xml'), pom);
    const unpacked = `${folder()}.new-${process.pid}`;
    const jars = join(unpacked, 'jars');
    const goal = ['-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${jars}`];
    const maven = spawnSync('mvn', goal, { cwd: scratch, encoding: 'utf8', timeout: 180_000 });
    if (maven.status !== 0 || !existsSync(jars) || readdirSync(jars).length === 0) {
      say('setup: could not fetch mongo-java-server with mvn; the story of seed 004 is skipped.');
      rmSync(unpacked, { recursive: true, force: true });
      return undefined;
    }
    mkdirSync(join(unpacked, 'images'));
    writeFileSync(join(unpacked, 'images', 'mongo.yaml'), renderImage(join(folder(), 'jars'), java));
    rmSync(folder(), { recursive: true, force: true });
    renameSync(unpacked, folder());
    giveToUser(folder());
    return findMongo();
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** @returns {string | undefined} */
function javaHome() {
  const asked = spawnSync('java', ['-XshowSettings:properties', '-version'], { encoding: 'utf8' });
  return /java\.home = (.*)/.exec(asked.stderr ?? '')?.[1]?.trim();
}

/** The server binds "localhost": a hosts file of its own makes that every address, as a database in a pod does. */
function renderImage(jars, java) {
  const binds = [{ source: jars, target: '/opt/mongo/jars' }];
  if (!java.startsWith('/usr/')) binds.push({ source: java, target: java });
  // Debian keeps Java's configuration in /etc, which a container does not show.
  const settings = dirname(dirname(realpathSync(join(java, 'conf', 'security', 'java.security'))));
  if (settings.startsWith('/etc/')) binds.push({ source: settings, target: settings });
  return `${JSON.stringify(
    {
      names: ['mongo'],
      command: [
        join(java, 'bin', 'java'),
        ...['-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Djdk.net.hosts.file=/opt/mongo/hosts'],
        ...['-cp', '/opt/mongo/jars/*', 'de.bwaldvogel.mongo.InMemoryMongoServer'],
      ],
      user: '999:999',
      files: [{ path: '/opt/mongo/hosts', content: '0.0.0.0 localhost\n' }],
      binds,
      ports: [27017],
    },
    null,
    2,
  )}\n`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.exitCode = installMongo((line) => console.error(line)) === undefined ? 1 : 0;
}
