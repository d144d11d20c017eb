import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createFakeClock } from '@palisade/kubernetes/testing';
import { createMetricsHandler } from './handler.ts';
import { readUsage } from './processes.ts';
import { createSampler, type Measurement } from './sampler.ts';
import { parseProcess, rateBetween, renderRate, type Usage } from './usage.ts';

const stat = (name: string) => `17 (${name}) S 1 17 17 0 -1 4194560 100 200 0 0 120 30 40 10 20 0 1 0 500 1000 2000`;
const STATUS = 'Name:\tx\nVmRSS:\t    900 kB\nRssAnon:\t     300 kB\nRssFile:\t     500 kB\nRssShmem:\t     100 kB\n';

test('a process: its own time and that of children it waited for; memory without files', () => {
  const expected = { cpuMs: 2000, memoryBytes: 400 * 1024 };
  assert.deepEqual(parseProcess(stat('sleep'), STATUS), expected);
  assert.deepEqual(parseProcess(stat('a) S 9 9 (b'), STATUS), expected, 'a name with brackets and spaces');
  assert.equal(parseProcess('', STATUS), undefined);
  assert.equal(parseProcess(stat('kworker'), 'Name:\tkworker\n'), undefined, 'kernel threads have no memory');
});

test('rates and how they are written', () => {
  const rate = rateBetween({ cpuMs: 1000, memoryBytes: 1 }, { cpuMs: 1500, memoryBytes: 2049 }, 10_000);
  assert.deepEqual(renderRate(rate), { cpu: '50000000n', memory: '3Ki' });
  assert.deepEqual(renderRate(rateBetween({ cpuMs: 9, memoryBytes: 0 }, { cpuMs: 5, memoryBytes: 0 }, 1000)), { cpu: '0', memory: '0Ki' });
});

test('this process is found by its mount namespace', { skip: process.platform !== 'linux' && 'reads /proc: npm test on Linux' }, () => {
  const usage = readUsage(new Map([['self', process.pid]])).get('self');
  assert.ok(usage !== undefined && usage.memoryBytes > 1024 * 1024, JSON.stringify(usage));
  assert.equal(readUsage(new Map([['gone', 2 ** 30]])).size, 0);
});

const pod = (name: string, ...pids: number[]) => ({
  namespace: 'shop',
  name,
  labels: { app: name },
  node: 'node1',
  containers: pids.map((initPid, index) => ({ name: `c${index}`, initPid })),
});

test('a window needs two samples of the same run of a container', () => {
  const clock = createFakeClock();
  let running = [pod('web', 10), pod('db', 20)];
  const usages = new Map<number, Usage>([
    [10, { cpuMs: 0, memoryBytes: 1024 }],
    [20, { cpuMs: 0, memoryBytes: 2048 }],
  ]);
  const sampler = createSampler({
    clock,
    pods: () => running,
    read: (inits) => new Map([...inits].flatMap(([key, pid]) => (usages.has(pid) ? [[key, usages.get(pid)!] as const] : []))),
    intervalMs: 1000,
  });
  clock.advance(0);
  assert.equal(sampler.current(), undefined);
  usages.set(10, { cpuMs: 250, memoryBytes: 1024 });
  running = [pod('web', 10), pod('db', 21)];
  usages.set(21, { cpuMs: 0, memoryBytes: 4096 });
  clock.advance(1000);
  assert.deepEqual(
    sampler.current()?.pods.map(({ name, containers }) => [name, containers]),
    [['web', [{ name: 'c0', rate: { cores: 0.25, memoryBytes: 1024 } }]]],
  );
  clock.advance(1000);
  assert.deepEqual(
    sampler.current()?.pods.map(({ name }) => name),
    ['web', 'db'],
  );
  sampler.close();
});

test('metrics.k8s.io: lists, one, selectors, and what it refuses', async () => {
  const rate = { cores: 0.5, memoryBytes: 2048 };
  const measured = (name: string, node: string) => ({
    namespace: 'shop',
    name,
    labels: { app: name },
    node,
    containers: [{ name: 'c', rate }],
  });
  let measurement: Measurement | undefined;
  const handler = createMetricsHandler({
    current: () => measurement,
    nodes: async () => [
      { name: 'node1', labels: { zone: 'a' } },
      { name: 'node2', labels: {} },
    ],
  });
  await using server = createServer((req, res) => void handler(req, res, { username: 'u', groups: [] })).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const ask = async (path: string, method = 'GET') => {
    const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/apis/metrics.k8s.io${path}`, { method });
    return { code: answer.status, body: (await answer.json()) as { message?: string; items?: { metadata: { name: string } }[] } };
  };
  assert.deepEqual((await ask('/v1beta1/nodes')).code, 503);
  measurement = { at: new Date(1_000_500), windowMs: 5000, pods: [measured('web', 'node1'), measured('db', 'node1')] };
  const table: [path: string, code: number, names?: string[]][] = [
    ['/v1beta1/pods', 200, ['web', 'db']],
    ['/v1beta1/namespaces/shop/pods', 200, ['web', 'db']],
    ['/v1beta1/namespaces/other/pods', 200, []],
    ['/v1beta1/pods?labelSelector=app%3Dweb', 200, ['web']],
    ['/v1beta1/pods?fieldSelector=metadata.name%3Ddb', 200, ['db']],
    ['/v1beta1/nodes?labelSelector=zone', 200, ['node1']],
    ['/v1beta1/pods?fieldSelector=spec.nodeName%3Dx', 400],
    ['/v1beta1/pods?labelSelector=%3D%3D', 400],
    ['/v1beta1/namespaces/shop/pods/nobody', 404],
    ['/v1beta1/namespaces/shop/nodes', 404],
    ['/v1beta1/pods/web', 404],
    ['/v1/pods', 404],
    ['/v1beta1/cups', 404],
  ];
  for (const [path, code, names] of table) {
    const answer = await ask(path);
    assert.deepEqual([answer.code, answer.body.items?.map(({ metadata }) => metadata.name)], [code, names], path);
  }
  assert.equal((await ask('/v1beta1/pods', 'DELETE')).code, 405);
  assert.deepEqual((await ask('/v1beta1/namespaces/shop/pods/web')).body, {
    kind: 'PodMetrics',
    apiVersion: 'metrics.k8s.io/v1beta1',
    metadata: { name: 'web', namespace: 'shop', creationTimestamp: null, labels: { app: 'web' } },
    timestamp: '1970-01-01T00:16:40Z',
    window: '5s',
    containers: [{ name: 'c', usage: { cpu: '500000000n', memory: '2Ki' } }],
  });
  const usages = (await ask('/v1beta1/nodes')).body.items as unknown as { usage: object }[];
  assert.deepEqual(
    usages.map(({ usage }) => usage),
    [
      { cpu: '1000000000n', memory: '4Ki' },
      { cpu: '0', memory: '0Ki' },
    ],
  );
});
