import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { after, test } from 'node:test';
import { connect } from 'node:tls';
import fc from 'fast-check';
import { WebSocket } from 'ws';
import { CORE, type Harness, pod, startHarness } from '../testing/harness.ts';
import { processKubelet } from '../testing/process-kubelet.ts';
import { dataFrame, FrameReader } from './spdy/frames.ts';
import { formatHeaders, HeaderDeflater, HeaderInflater, parseHeaders } from './spdy/headers.ts';

const kubelet = processKubelet(['one', 'two', 'three']);
const harness: Harness = await startHarness({ kubelets: (node) => (node === 'n1' ? kubelet : undefined) });
after(() => harness[Symbol.asyncDispose]());
await harness.client.create(CORE('pods'), pod('p', { nodeName: 'n1' }));
await harness.client.create(CORE('pods'), pod('lost', { nodeName: 'gone' }));
await harness.client.create(
  CORE('pods'),
  pod('two', {
    nodeName: 'n1',
    containers: [
      { name: 'a', image: 'i' },
      { name: 'b', image: 'i' },
    ],
  }),
);

interface Result {
  stdout: string;
  stderr: string;
  status: { status: string; reason?: string; message?: string; details?: { causes: { message: string }[] } } | undefined;
  closeCode: number;
}

function open(query: string, protocol = 'v5.channel.k8s.io'): WebSocket {
  return new WebSocket(`wss://127.0.0.1:${harness.port}/api/v1/namespaces/default/pods/${query}`, protocol, {
    ca: harness.server.caCertificatePem,
    ...harness.admin,
  });
}

async function exec(query: string, input?: (socket: WebSocket) => void, protocol?: string): Promise<Result> {
  const socket = open(`p/exec?stdout=true&stderr=true&${query}`, protocol);
  const result: Result = { stdout: '', stderr: '', status: undefined, closeCode: 0 };
  socket.on('message', (data: Buffer) => {
    const text = data.subarray(1).toString();
    if (data[0] === 1) result.stdout += text;
    else if (data[0] === 2) result.stderr += text;
    else if (data[0] === 3) result.status = JSON.parse(text);
  });
  if (input !== undefined) socket.on('open', () => input(socket));
  const [code] = await once(socket, 'close');
  result.closeCode = code;
  return result;
}

const command = (...words: string[]) => words.map((word) => `command=${encodeURIComponent(word)}`).join('&');

test('exec carries output, errors and the exit code', async () => {
  const good = await exec(command('sh', '-c', 'echo out; echo err >&2'));
  assert.deepEqual([good.stdout, good.stderr, good.status?.status, good.closeCode], ['out\n', 'err\n', 'Success', 1000]);
  const bad = await exec(command('sh', '-c', 'exit 7'));
  assert.equal(bad.status?.reason, 'NonZeroExitCode');
  assert.deepEqual(bad.status?.details?.causes, [{ reason: 'ExitCode', message: '7' }]);
  const missing = await exec(command('/nosuch'));
  assert.equal(missing.status?.status, 'Failure');
  assert.match(missing.status?.message ?? '', /ENOENT/);
});

test('exec takes input that comes before the process is up, and its end', async () => {
  for (const size of [0, 5, 3_000_000]) {
    const result = await exec(`stdin=true&${command('wc', '-c')}`, (socket) => {
      for (let left = size; left > 0; left -= 32_768) socket.send(Buffer.concat([Buffer.of(0), Buffer.alloc(Math.min(left, 32_768), 'x')]));
      socket.send(Buffer.of(255, 0));
    });
    assert.equal(Number(result.stdout.trim()), size);
  }
});

test('the size of the terminal reaches the process', async () => {
  const result = await exec(`stdin=true&tty=true&${command('head', '-n', '1')}`, (socket) => {
    socket.send(Buffer.concat([Buffer.of(4), Buffer.from('{"Width":0,"Height":-1}')]));
    socket.send(Buffer.concat([Buffer.of(4), Buffer.from('{"Width":132,"Height":43}')]));
  });
  assert.equal(result.stdout, '132x43\n');
});

test('a client that goes away ends the process', async () => {
  const socket = open(`p/exec?stdout=true&${command('sleep', '1000')}`);
  await once(socket, 'open');
  while (kubelet.running() === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  socket.terminate();
  while (kubelet.running() > 0) await new Promise((resolve) => setTimeout(resolve, 5));
});

test('refusals before the handshake are a Status', async () => {
  const cases: [query: string, protocol: string, code: number, text: RegExp][] = [
    [`nosuch/exec?${command('ls')}`, 'v5.channel.k8s.io', 404, /pods "nosuch" not found/],
    ['p/exec?stdout=true', 'v5.channel.k8s.io', 400, /at least one command/],
    [`p/exec?container=x&${command('ls')}`, 'v5.channel.k8s.io', 400, /container x is not valid for pod p/],
    [`two/exec?${command('ls')}`, 'v5.channel.k8s.io', 400, /choose one of: \[a b\]/],
    [`lost/exec?${command('ls')}`, 'v5.channel.k8s.io', 500, /node "gone" is not running/],
    [`p/exec?${command('ls')}`, 'v1.channel.k8s.io', 400, /no protocol in common/],
    ['p/portforward', 'v5.channel.k8s.io', 400, /SPDY\/3\.1\+portforward\.k8s\.io served/],
  ];
  for (const [query, protocol, code, text] of cases) {
    const socket = open(query, protocol);
    socket.on('error', () => {});
    const [, response] = await once(socket, 'unexpected-response');
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    const status = JSON.parse(Buffer.concat(chunks).toString());
    assert.deepEqual([response.statusCode, status.kind], [code, 'Status'], query);
    assert.match(status.message, text);
  }
});

test('logs: the tail, and what a container is asked for must exist', async () => {
  const logs = (query: string) => harness.fetch('GET', `/api/v1/namespaces/default/pods/${query}`);
  assert.equal((await logs('p/log')).text, 'one\ntwo\nthree\n');
  assert.equal((await logs('p/log?tailLines=1')).text, 'three\n');
  assert.equal((await logs('p/log?tailLines=-1')).code, 400);
  assert.match((await logs('two/log')).json.message, /a container name must be specified for pod two, choose one of: \[a b\]/);
});

test('SPDY headers survive a connection: one zlib stream, many blocks', async () => {
  const [deflater, inflater] = [new HeaderDeflater(), new HeaderInflater()];
  await fc.assert(
    fc.asyncProperty(fc.dictionary(fc.stringMatching(/^[a-z-]{1,12}$/), fc.stringMatching(/^[ -~]{0,40}$/)), async (headers) => {
      const wanted = new Map(Object.entries(headers));
      assert.deepEqual(await inflater.read(await deflater.write(wanted)), wanted);
      assert.deepEqual(parseHeaders(formatHeaders(wanted)), wanted);
    }),
    { numRuns: 50 },
  );
  deflater.close();
  inflater.close();
});

test('hostile SPDY bytes end in frames or an error, however they are cut', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 }), (chunks) => {
      const read = (parts: Uint8Array[]) => {
        const reader = new FrameReader();
        try {
          return parts.flatMap((part) => reader.push(Buffer.from(part)));
        } catch (error) {
          return (error as Error).message;
        }
      };
      const cut = read(chunks);
      const whole = read([Buffer.concat(chunks)]);
      assert.deepEqual(typeof cut === 'string' ? 'refused' : cut, typeof whole === 'string' ? 'refused' : whole);
    }),
  );
});

test('port-forward carries bytes both ways, and a refusal to the error stream', async () => {
  const echo = createServer((socket) => socket.pipe(socket));
  echo.listen(0, '127.0.0.1');
  await once(echo, 'listening');
  const { port } = echo.address() as AddressInfo;
  const wire = connect({ host: '127.0.0.1', port: harness.port, ca: harness.server.caCertificatePem, ...harness.admin });
  const head = 'Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: portforward.k8s.io';
  wire.write(`POST /api/v1/namespaces/default/pods/p/portforward HTTP/1.1\r\nHost: x\r\n${head}\r\nContent-Length: 0\r\n\r\n`);
  const [answer] = (await once(wire, 'data')) as [Buffer];
  assert.match(answer.toString(), /^HTTP\/1\.1 101 /);
  assert.match(answer.toString(), /X-Stream-Protocol-Version: portforward\.k8s\.io\r\n\r\n$/);
  const received = new Map<number, string>();
  const ended = new Set<number>();
  const reader = new FrameReader();
  wire.on('data', (chunk: Buffer) => {
    for (const frame of reader.push(chunk)) {
      if (frame.type !== 'data') continue;
      received.set(frame.streamId, (received.get(frame.streamId) ?? '') + frame.payload.toString());
      if (frame.fin) ended.add(frame.streamId);
    }
  });

  const deflater = new HeaderDeflater();
  const openStream = async (id: number, streamtype: string, requestid: string, to: number) => {
    const block = await deflater.write(
      new Map([
        ['streamtype', streamtype],
        ['port', String(to)],
        ['requestid', requestid],
      ]),
    ); // prettier-ignore
    const payload = Buffer.alloc(10);
    payload.writeUInt32BE(id);
    const frame = Buffer.alloc(8);
    frame.writeUInt16BE(0x8003);
    frame.writeUInt16BE(1, 2);
    frame.writeUIntBE(10 + block.length, 5, 3);
    wire.write(Buffer.concat([frame, payload, block]));
  };
  const untilEnded = async (ids: number[]) => {
    while (!ids.every((id) => ended.has(id))) await once(wire, 'data');
  };
  await openStream(1, 'error', '0', port);
  await openStream(3, 'data', '0', port);
  wire.write(dataFrame(3, Buffer.from('there '), false));
  wire.write(dataFrame(3, Buffer.from('and back'), true));
  await untilEnded([1, 3]);
  assert.deepEqual([received.get(1), received.get(3)], ['', 'there and back']);
  echo.close();
  await once(echo, 'close');
  await openStream(5, 'error', '1', port);
  await openStream(7, 'data', '1', port);
  await untilEnded([5, 7]);
  assert.match(received.get(5) ?? '', new RegExp(`error forwarding port ${port} to pod p: connect ECONNREFUSED`));
  wire.destroy();
  deflater.close();
});
