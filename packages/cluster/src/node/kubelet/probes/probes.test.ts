import assert from 'node:assert/strict';
import { createServer as createHttpServer, type IncomingHttpHeaders } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { type AddressInfo, connect, type Server } from 'node:net';
import { after, before, test } from 'node:test';
import { createFakeClock } from '@palisade/kubernetes/testing';
import type { Container, Probe } from '../pod-types.ts';
import { attemptProbe, type ProbeAccess, runHook } from './attempt.ts';
import { startProbes } from './prober.ts';
import { countResult, NEW_PROBE, nextTryMs } from './state.ts';

test('thresholds', () => {
  const rows: [probe: Probe, results: string, outcomes: string][] = [
    // y success, n failure; u unknown, s success, f failure
    [{}, 'y', 's'],
    [{}, 'nny', 'uus'],
    [{}, 'nnnn', 'uuff'],
    [{}, 'ynynnn', 'sssssf'],
    [{ failureThreshold: 1 }, 'nyn', 'fsf'],
    [{ successThreshold: 2 }, 'ynyy', 'uuus'],
    [{ failureThreshold: 1, successThreshold: 2 }, 'yynyy', 'usffs'],
  ];
  for (const [probe, results, outcomes] of rows) {
    let state = NEW_PROBE;
    const seen = [...results].map((result) => {
      state = countResult(state, result === 'y', probe);
      return state.outcome[0];
    });
    assert.equal(seen.join(''), outcomes, `${JSON.stringify(probe)} ${results}`);
  }
  assert.deepEqual(
    [nextTryMs({}, true), nextTryMs({ initialDelaySeconds: 3 }, true), nextTryMs({}, false), nextTryMs({ periodSeconds: 2 }, false)],
    [0, 3000, 10_000, 2000],
  );
});

let seen: { url: string | undefined; headers: IncomingHttpHeaders } | undefined;
const servers: Server[] = [];
const ports: Record<string, number> = {};
before(async () => {
  const http = createHttpServer((req, res) => {
    seen = { url: req.url, headers: req.headers };
    if (req.url === '/hang') return;
    res.statusCode = Number(req.url?.slice(1)) || 200;
    res.end('x'.repeat(100_000));
  });
  const grpc = createHttp2Server();
  grpc.on('stream', (stream) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      const service = Buffer.concat(chunks).subarray(7).toString();
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': service === 'unknown' ? '5' : '0' }));
      if (service === 'endless') stream.write(Buffer.alloc(2048));
      else stream.end(Buffer.from([0, 0, 0, 0, 2, 8, service === 'sick' ? 2 : 1]));
    });
  });
  for (const [name, server] of [
    ['http', http],
    ['grpc', grpc],
  ] as [string, Server][]) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ports[name] = (server.address() as AddressInfo).port;
    servers.push(server);
  }
});
after(() => {
  for (const server of servers) {
    (server as Server & { closeAllConnections?(): void }).closeAllConnections?.();
    server.close();
  }
});

const container: Container = { name: 'main', image: 'i', ports: [{ name: 'web', containerPort: 0 }] };
function access(exec: ProbeAccess['exec'] = async () => ({ exitCode: 0, output: '', hasTimedOut: false })): ProbeAccess {
  return {
    container: { ...container, ports: [{ name: 'web', containerPort: ports['http']! }] },
    podIP: '127.0.0.1',
    connect: (host, port) =>
      new Promise((resolve, reject) => {
        const socket = connect({ host, port });
        socket.once('connect', () => resolve(socket));
        socket.once('error', reject);
      }),
    exec,
  };
}

test('http probes: paths, headers, status codes, named ports, time limits', async () => {
  const attempt = (httpGet: Probe['httpGet'] & object, more: Probe = {}) => attemptProbe(access(), { httpGet, ...more });
  const web = 'web';
  assert.deepEqual(
    await attempt({
      port: web,
      path: '/204?x=1',
      httpHeaders: [
        { name: 'Host', value: 'shop.example' },
        { name: 'X-A', value: 'b' },
      ],
    }),
    { isSuccess: true, message: '' },
  );
  assert.deepEqual(
    [seen?.url, seen?.headers.host, seen?.headers['x-a'], seen?.headers['user-agent']],
    ['/204?x=1', 'shop.example', 'b', 'kube-probe/1.34'],
  );
  const codes: [code: number, isSuccess: boolean][] = [
    [200, true],
    [302, true],
    [399, true],
    [400, false],
    [404, false],
    [503, false],
  ];
  for (const [code, isSuccess] of codes) {
    const result = await attempt({ port: web, path: `/${code}` });
    assert.equal(result.isSuccess, isSuccess, String(code));
    if (!isSuccess) assert.equal(result.message, `HTTP probe failed with statuscode: ${code}`);
  }
  const slow = await attempt({ port: web, path: '/hang' }, { timeoutSeconds: 0.05 });
  assert.match(slow.message, /^Get "http:\/\/127\.0\.0\.1:\d+\/hang": context deadline exceeded/);
  assert.match((await attempt({ port: 1 })).message, /^Get "http:\/\/127\.0\.0\.1:1\/": dial tcp 127\.0\.0\.1:1: connect ECONNREFUSED/);
  assert.match((await attempt({ port: 'none' })).message, /couldn't find port: "none"/);
  assert.equal((await attempt({ port: web, scheme: 'HTTPS' })).isSuccess, false);
});

test('tcp, exec and grpc probes', async () => {
  assert.equal((await attemptProbe(access(), { tcpSocket: { port: ports['http']! } })).isSuccess, true);
  assert.equal((await attemptProbe(access(), { tcpSocket: { port: 1 } })).isSuccess, false);
  const exec = (result: Awaited<ReturnType<ProbeAccess['exec']>>) =>
    attemptProbe(
      access(async () => result),
      { exec: { command: ['check', 'it'] }, timeoutSeconds: 2 },
    );
  assert.deepEqual(await exec({ exitCode: 0, output: 'fine', hasTimedOut: false }), { isSuccess: true, message: 'fine' });
  assert.deepEqual(await exec({ exitCode: 1, output: 'broken\n', hasTimedOut: false }), { isSuccess: false, message: 'broken\n' });
  assert.deepEqual(await exec({ exitCode: 137, output: '', hasTimedOut: true }), {
    isSuccess: false,
    message: 'command timed out: "check it" timed out after 2s',
  });
  const grpc = (service?: string) =>
    attemptProbe(access(), { grpc: { port: ports['grpc']!, ...(service === undefined ? {} : { service }) } });
  assert.deepEqual(await grpc(), { isSuccess: true, message: '' });
  assert.deepEqual(await grpc('sick'), { isSuccess: false, message: 'service unhealthy (responded with "NOT_SERVING")' });
  assert.match((await grpc('unknown')).message, /code 5/);
  assert.match((await grpc('endless')).message, /the answer is longer than 1024 bytes/);
});

test('hooks', async () => {
  const slept: number[] = [];
  const sleep = async (ms: number) => void slept.push(ms);
  await runHook(access(), { sleep: { seconds: 3 } }, 60_000, sleep);
  await runHook(access(), { sleep: { seconds: 90 } }, 60_000, sleep);
  assert.deepEqual(slept, [3000, 60_000]);
  // Any answer is good enough.
  await runHook(access(), { httpGet: { port: 'web', path: '/500' } }, 1000, sleep);
  await assert.rejects(runHook(access(), { httpGet: { port: 1 } }, 1000, sleep), /dial tcp/);
  await assert.rejects(
    runHook(
      access(async () => ({ exitCode: 4, output: 'no', hasTimedOut: false })),
      { exec: { command: ['x'] } },
      1000,
      sleep,
    ),
    /command exited with 4: no/,
  );
});

test('startup holds back readiness and liveness; liveness ends with the first verdict', async () => {
  const clock = createFakeClock();
  const heard: string[] = [];
  let healthy: Record<string, boolean> = { up: false, ready: true, live: true };
  const probe = (name: string, more: Probe = {}): Probe => ({ exec: { command: [name] }, periodSeconds: 1, failureThreshold: 2, ...more });
  const stop = startProbes(
    {
      ...container,
      startupProbe: probe('up', { failureThreshold: 30 }),
      readinessProbe: probe('ready', { failureThreshold: 1 }),
      livenessProbe: probe('live'),
    },
    access(async ([name]) => ({ exitCode: healthy[name!] ? 0 : 1, output: '', hasTimedOut: false })),
    clock,
    {
      started: () => heard.push('started'),
      ready: (isReady) => heard.push(isReady ? 'ready' : 'unready'),
      unhealthy: (kind) => heard.push(`${kind} unhealthy`),
      failed: () => {},
    },
  );
  const pass = async (seconds: number) => {
    for (let step = 0; step < seconds * 10; step++) {
      await clock.advance(100);
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await pass(3);
  assert.deepEqual(heard, []);
  healthy = { ...healthy, up: true };
  await pass(2);
  assert.deepEqual(heard, ['started', 'ready']);
  healthy = { up: true, ready: false, live: true };
  await pass(2);
  healthy = { up: true, ready: true, live: false };
  await pass(4);
  assert.deepEqual(heard, ['started', 'ready', 'unready', 'ready', 'Liveness unhealthy']);
  stop();
  healthy = { up: true, ready: false, live: false };
  await pass(2);
  assert.equal(heard.length, 5);
});

test('without probes a container is started and ready at once', () => {
  const heard: string[] = [];
  startProbes(container, access(), createFakeClock(), {
    started: () => heard.push('started'),
    ready: (isReady) => heard.push(String(isReady)),
    unhealthy: () => {},
    failed: () => {},
  });
  assert.deepEqual(heard, ['started', 'true']);
});
