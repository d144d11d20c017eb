/** The table of hostile requests, sent as bytes to this proxy and, when it is here, to Envoy. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { after, before, test } from 'node:test';
import { parseBootstrap, staticResources } from '../config/bootstrap.ts';
import { DataPlane } from '../proxy.ts';
import { type RunningEnvoy, startEnvoy, withoutEnvoy } from '../testing/envoy.ts';
import { hostileCases, hostileManager, hostileRules } from '../testing/hostile-cases.ts';
import { plainHop, rbacFilter } from '../testing/mesh-bootstrap.ts';

let application: Server;
let plane: DataPlane;
let envoy: RunningEnvoy | undefined;

const config = (listenPort: number, adminPort: number) =>
  plainHop(
    { listenPort, adminPort, upstreamPort: (application.address() as AddressInfo).port, logPath: '', statPrefix: 'in' },
    [rbacFilter(hostileRules)],
    hostileManager,
  );

before(async () => {
  application = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part) => {
      body += part;
    });
    request.on('end', () => response.end(`${request.method} ${request.url} ${request.headers.host} ${body}`));
  }).listen(0, '127.0.0.1');
  await once(application, 'listening');
  plane = new DataPlane();
  await plane.apply(staticResources(parseBootstrap(JSON.stringify(config(0, 0)), 'test')));
  if (withoutEnvoy === false) envoy = await startEnvoy(config);
});

after(async () => {
  plane.close();
  application.closeAllConnections();
  application.close();
  await envoy?.stop();
});

/** @returns everything up to the end of the first answer, or of the connection */
function send(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes, 'latin1'));
    const finish = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(finish, 3000);
    socket.setEncoding('latin1').on('data', (part) => {
      answer += part;
      const end = answer.indexOf('\r\n\r\n');
      const length = /\r\ncontent-length: (\d+)/i.exec(answer)?.[1];
      if (end !== -1 && answer.length >= end + 4 + Number(length ?? 0) && length !== undefined) finish();
    });
    socket.on('error', finish);
    socket.on('close', finish);
  });
}

const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);

for (const { name, bytes, verdict, seen } of hostileCases) {
  test(`hostile: ${name}`, async () => {
    const answer = await send(plane.addressOf('main')!.port, bytes);
    assert.equal(statusOf(answer), verdict, answer.slice(0, 200));
    assert.ok(seen === undefined || answer.endsWith(`\r\n\r\n${seen}`), answer);
  });
}

test('hostile: every case is refused alike when each byte comes alone', async () => {
  const few = hostileCases.filter(({ bytes }) => bytes.length < 200);
  const answers = await Promise.all(few.map(({ bytes }) => sendSlowly(plane.addressOf('main')!.port, bytes)));
  assert.deepEqual(
    few.map(({ name }, index) => `${name} ${statusOf(answers[index]!)}`),
    few.map(({ name, verdict }) => `${name} ${verdict}`),
  );
});

/** One write a byte; the proxy sees splits wherever the kernel leaves them. */
function sendSlowly(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const finish = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(finish, 5000);
    socket.setEncoding('latin1').on('data', (part) => {
      answer += part;
      if (answer.includes('\r\n\r\n')) finish();
    });
    socket.on('error', finish);
    socket.on('close', finish);
    let at = 0;
    const next = () => {
      if (at < bytes.length && !socket.destroyed) {
        socket.write(bytes[at++]!, 'latin1');
        setImmediate(next);
      } else if (!socket.destroyed) socket.write('\r\n\r\n');
    };
    socket.on('connect', next);
  });
}

test('hostile: Envoy’s verdicts are the ones written down', {
  skip: withoutEnvoy,
}, async () => {
  const found: string[] = [];
  for (const { name, bytes } of hostileCases) found.push(`${name}: ${statusOf(await send(envoy!.port, bytes))}`);
  assert.deepEqual(
    found,
    hostileCases.map(({ name, verdict, envoy: other }) => `${name}: ${other ?? verdict}`),
  );
});
