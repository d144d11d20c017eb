import { renderTable } from '../../table.ts';
import type { Expectation } from '../expect.ts';
import { type Chapter, type ChapterStage, expectAnswer } from './chapter.ts';

const namespace = 'waf-engines';
const engines = ['modsecurity', 'palisade'] as const;
type Engine = (typeof engines)[number];
const patterns = ['layer', 'sidecar'] as const;
const places = patterns.flatMap((pattern) => engines.map((engine) => ({ pattern, engine, pod: `${pattern}-${engine}` })));

const titles: Readonly<Record<Engine, string>> = { modsecurity: 'Apache’s ModSecurity 2.9', palisade: 'Palisade' };

const requests: readonly (readonly [what: string, path: string, status: string])[] = [
  ['a page', '/', '200'],
  ['a search', '/?q=hello+world', '200'],
  ['an e-mail address', '/?username=joe%40example.com', '200'],
  ['SQL injection of the seeds', '/?username=joe%40example.com&password=%3BUNION+SELECT+1%2C+version%28%29+limit+1%2C1--', '403'],
  ['cross-site scripting', '/?q=%3Cscript%3Ealert(1)%3C/script%3E', '403'],
  ['path traversal', '/?file=../../../../etc/passwd', '403'],
];
const [, benign] = requests[1]!;
const [, attack] = requests[3]!;

const waf = (backend: string) => `
    - name: modsecurity
      image: owasp/modsecurity-crs:v3.2-modsec2-apache
      env: [{name: SETPROXY, value: "True"}, {name: PROXYLOCATION, value: "${backend}"}]
      readinessProbe: {tcpSocket: {port: 80}, periodSeconds: 1}`;
const application = `
    - name: microsimserver
      image: kellybrazil/microsimserver
      readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}`;
const pod = (name: string, engine: string, containers: string) => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: ${namespace}, labels: {app: ${name}}, annotations: {palisade.dev/waf-engine: ${engine}}}
spec:
  terminationGracePeriodSeconds: 0
  containers:${containers}
---`;
const service = `
apiVersion: v1
kind: Service
metadata: {name: origin, namespace: ${namespace}}
spec: {selector: {app: origin}, ports: [{port: 8080}]}
---`;
const client = '\n    - {name: curl, image: curlimages/curl, command: [sleep, "100000"]}';

const manifests = [
  pod('origin', 'palisade', application),
  service,
  pod('client', 'palisade', client),
  ...places.map((place) =>
    place.pattern === 'layer'
      ? pod(place.pod, place.engine, waf(`http://origin.${namespace}:8080/`))
      : pod(place.pod, place.engine, `${waf('http://127.0.0.1:8080/')}${application}`),
  ),
].join('');

/** Requests whose cost is measured, and those before them: ours is compiled while it runs. */
const measured = 400;
const warming = 1000;

export const wafEngines: Chapter = {
  title: 'Two engines behind one image: Apache’s ModSecurity and Palisade',
  why: 'One annotation chooses who judges. The same requests, the same verdicts by the same rules; the CPU time differs.',
  async play(stage) {
    const { shell, say } = stage;
    await shell.run('kubectl', 'create', 'namespace', namespace);
    await shell.run('sh', '-c', `cat <<'END' | kubectl apply -f -\n${manifests}\nEND`);
    await shell.run('kubectl', 'wait', '-n', namespace, '--for=condition=Ready', 'pod', '--all', '--timeout=120s');
    const engineOf = 'NAME:.metadata.name,ENGINE:.metadata.annotations.palisade\\.dev/waf-engine';
    await shell.show('kubectl', 'get', 'pods', '-n', namespace, '-o', `custom-columns=${engineOf}`, ...places.map(({ pod: name }) => name));
    const columns: string[][] = [];
    const expectations: Expectation[] = [];
    const wanted = requests.map(([, , status]) => status);
    for (const { pod: name } of places) {
      const statuses = await statusesOf(stage, name);
      columns.push(statuses);
      expectations.push({ text: `${name} answers ${wanted} (${statuses})`, held: statuses.join() === wanted.join() });
    }
    for (const pattern of patterns) {
      const [theirs, ours] = engines.map((engine) => `${pattern}-${engine}`) as [string, string];
      const both = async () => (await Promise.all([theirs, ours].map((name) => rulesOf(stage, name)))).join(' = ');
      expectations.push(await expectAnswer(stage, `${pattern}: both stopped the same for the same reasons`, /^(.+) = \1$/, both));
    }
    // One after the other: they share the machine.
    for (const [index, { pod: name }] of places.entries()) {
      await requestMany(stage, name, benign, warming);
      for (const path of [benign, attack]) columns[index]!.push(`${(await costOf(stage, name, path)).toFixed(2)} ms`);
    }
    const rows = [...requests.map(([what]) => what), 'CPU time of a search', 'CPU time of an SQL injection'];
    const header = ['', ...places.map(({ pattern, engine }) => `${pattern}: ${titles[engine]}`)];
    const table = renderTable(
      header,
      rows.map((what, row) => [what, ...columns.map((column) => column[row]!)]),
    );
    say(table.replaceAll(/^/gm, '  '));
    return expectations;
  },
};

async function statusesOf(stage: ChapterStage, name: string): Promise<string[]> {
  const ip = await addressOf(stage, name);
  const statuses: string[] = [];
  for (const [, path] of requests) statuses.push((await curl(stage, `http://${ip}:80${path}`)).trim());
  return statuses;
}

/** Milliseconds of CPU time that one request takes of everything in the WAF's container. */
async function costOf(stage: ChapterStage, name: string, path: string): Promise<number> {
  const before = await cpuTicks(stage, name);
  await requestMany(stage, name, path, measured);
  return (((await cpuTicks(stage, name)) - before) * msPerTick) / measured;
}

/** On one connection. */
async function requestMany(stage: ChapterStage, name: string, path: string, count: number): Promise<void> {
  await curl(stage, `http://${await addressOf(stage, name)}:80${path}&n=[1-${count}]`);
}

/** Linux tells CPU time in hundredths of a second to everybody (USER_HZ). */
const msPerTick = 10;

/** Of all processes of the container, and of their children that have ended; those that read it do not count. */
async function cpuTicks({ shell }: ChapterStage, name: string): Promise<number> {
  const read = ['sh', '-c', 'cat /proc/[0-9]*/stat'];
  const { stdout } = await shell.run('kubectl', 'exec', '-n', namespace, name, '-c', 'modsecurity', '--', ...read);
  return stdout
    .split('\n')
    .filter((line) => line !== '' && !/ \((?:sh|cat)\) /.test(line))
    .map((line) =>
      line
        .slice(line.lastIndexOf(')') + 2)
        .split(' ')
        // utime, stime, cutime, cstime: fields 14 to 17 (proc_pid_stat(5)); the first here is the third.
        .slice(11, 15)
        .reduce((sum, ticks) => sum + Number(ticks), 0),
    )
    .reduce((sum, ticks) => sum + ticks, 0);
}

async function addressOf({ shell }: ChapterStage, name: string): Promise<string> {
  return (await shell.run('kubectl', 'get', 'pod', '-n', namespace, name, '-o', 'jsonpath={.status.podIP}')).stdout.trim();
}

/** @returns one status a line: `[1-9]` in a URL is nine requests */
async function curl({ shell }: ChapterStage, url: string): Promise<string> {
  const words = ['curl', '-s', '-m', '60', '-o', '/dev/null', '-w', '%{http_code}\\n', '-H', 'Host: shop.test', url];
  return (await shell.run('kubectl', 'exec', '-n', namespace, 'client', '--', ...words)).stdout;
}

/** What the flow records say of the requests that were stopped: each reason once. */
async function rulesOf(stage: ChapterStage, name: string): Promise<string> {
  const flows = await stage.palisade('flows', '--to', `${namespace}/${name}`, '--verdict', 'DROPPED', '-o', 'json');
  const records = flows.split('\n').filter((line) => line.startsWith('{'));
  const reasons = records.map((line) => JSON.parse(line)).filter(({ body }) => body.type === 'waf');
  return [...new Set(reasons.map(({ reason }) => String(reason)))].sort().join('; ');
}
