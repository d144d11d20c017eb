import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isolated } from '../../network/testing/isolate.ts';
import { isReady, pause, readAll, startTestNode, type TestNode } from '../testing/test-node.ts';

isolated(fileURLToPath(import.meta.url), () => {
  let node: TestNode;
  const never = new AbortController().signal;
  before(async () => {
    node = await startTestNode();
    await node.createPod('shell', { containers: [{ name: 'main', image: 'debian', command: ['sh', '-c', 'exec sleep 1000'] }] });
    await node.createPod('interactive', {
      containers: [{ name: 'main', image: 'debian', command: ['bash', '--norc'], stdin: true, tty: true }],
    });
    await node.createPod('reader', {
      restartPolicy: 'Never',
      containers: [{ name: 'main', image: 'busybox', command: ['cat'], stdin: true, stdinOnce: true }],
    });
    for (const name of ['shell', 'interactive', 'reader']) await node.until(name, isReady);
  });
  after(() => node.stop());

  test('exec with a terminal: tty, size, resize, Ctrl-C, exit code', async () => {
    const session = await node.kubelet.exec('default', 'shell', { container: 'main', command: ['bash', '--norc'], tty: true, stdin: true });
    assert.equal(session.stderr, null);
    let seen = '';
    session.stdout.on('data', (chunk) => (seen += chunk));
    const type = async (line: string, expected: RegExp) => {
      session.stdin!.write(line);
      for (let tries = 0; !expected.test(seen); tries++) {
        if (tries > 500) throw new Error(`typed ${JSON.stringify(line)}, saw ${JSON.stringify(seen)}`);
        await pause(10);
      }
      seen = '';
    };
    session.resize(101, 37);
    await type('stty size; tty\n', /37 101\r\n\/dev\/pts\/\d+\r\n/);
    session.resize(90, 20);
    await type('stty size\n', /20 90\r\n/);
    await type('echo $TERM\n', /xterm\r\n/);
    await type('sleep 1000\n', /sleep 1000\r\n/);
    await type('\u0003', /\^C/);
    await type('echo still-$((40+2))\n', /still-42\r\n/);
    session.stdin!.write('exit 5\n');
    assert.deepEqual(await session.exit, { exitCode: 5 });
  });

  test('exec without a terminal: input to its end, binary output, programs that open /dev/stdout', async () => {
    const session = await node.kubelet.exec('default', 'shell', {
      container: 'main',
      command: ['sh', '-c', 'cat /dev/stdin > /dev/stdout; echo done > /dev/stderr'],
      tty: false,
      stdin: true,
    });
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 256));
    session.stdin!.end(bytes);
    const chunks: Buffer[] = [];
    session.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    const [stderr, exit] = await Promise.all([readAll(session.stderr!), session.exit]);
    assert.ok(Buffer.concat(chunks).equals(bytes));
    assert.equal(stderr, 'done\n');
    assert.deepEqual(exit, { exitCode: 0 });
  });

  test('exec: exit codes, unknown programs, unknown containers, signals', async () => {
    assert.equal((await node.exec('shell', ['false'])).exitCode, 1);
    assert.equal((await node.exec('shell', ['sh', '-c', 'kill -9 $$'])).exitCode, 137);
    assert.equal((await node.exec('shell', ['no-such-program'])).exitCode, 127);
    await assert.rejects(node.exec('shell', ['true'], 'other'), { code: 400 });
    await assert.rejects(node.exec('absent', ['true']), { code: 404, message: 'pods "absent" not found' });
    await assert.rejects(node.kubelet.exec('default', 'shell', { container: 'main', command: [], tty: false, stdin: false }), {
      code: 400,
    });
  });

  test('a client that goes away takes its program along', async () => {
    const session = await node.kubelet.exec('default', 'shell', {
      container: 'main',
      command: ['sleep', '4321'],
      tty: false,
      stdin: false,
    });
    const count = async () =>
      (await node.exec('shell', ['sh', '-c', 'cat /proc/[0-9]*/cmdline | tr "\\0" " " | grep -c "sleep [4]321"'])).stdout.trim();
    for (let tries = 0; (await count()) !== '1'; tries++) assert.ok(tries < 100, 'did not start');
    session.kill();
    await session.exit;
    for (let tries = 0; (await count()) !== '0'; tries++) assert.ok(tries < 100, 'still there');
  });

  test('attach: the program of the container itself', async () => {
    const session = await node.kubelet.attach('default', 'interactive', { container: 'main', tty: true, stdin: true });
    let seen = '';
    session.stdout.on('data', (chunk) => (seen += chunk));
    session.resize(70, 11);
    session.stdin!.write('stty size; echo pid $$\n');
    for (let tries = 0; !/11 70\r\npid 2\r\n/.test(seen); tries++) {
      assert.ok(tries < 500, seen);
      await pause(10);
    }
    session.kill();
    await session.exit;
    assert.ok(isReady(await node.getPod('interactive')));
  });

  test('attach with stdinOnce: the end of input ends the program', async () => {
    const session = await node.kubelet.attach('default', 'reader', { container: 'main', tty: false, stdin: true });
    const text = readAll(session.stdout);
    session.stdin!.end('fed by attach\n');
    assert.deepEqual(await session.exit, { exitCode: 0 });
    assert.equal(await text, 'fed by attach\n');
    await node.until('reader', (pod) => pod.status?.phase === 'Succeeded');
  });

  test('logs: follow to the end, tail, since, limit, timestamps', async () => {
    await node.createPod('talker', {
      restartPolicy: 'Never',
      containers: [
        {
          name: 'main',
          image: 'busybox',
          command: ['sh', '-c', 'for i in 1 2 3 4 5; do echo line $i; sleep 0.1; done; printf unfinished'],
        },
      ],
    });
    await node.until('talker', (pod) => pod.status?.phase !== 'Pending');
    const options = { container: 'main', follow: true, previous: false, timestamps: false };
    const text = await readAll(await node.kubelet.logs('default', 'talker', options, never));
    assert.equal(text, 'line 1\nline 2\nline 3\nline 4\nline 5\nunfinished');
    const read = async (more: object) =>
      readAll(await node.kubelet.logs('default', 'talker', { ...options, follow: false, ...more }, never));
    assert.equal(await read({ tailLines: 2 }), 'line 5\nunfinished');
    assert.equal(await read({ tailLines: 0 }), '');
    assert.equal(await read({ limitBytes: 9 }), 'line 1\nli');
    assert.equal(await read({ sinceTime: '2999-01-01T00:00:00Z' }), '');
    assert.match(await read({ timestamps: true, tailLines: 2 }), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z line 5\n\d{4}\S+Z unfinished$/);
    await assert.rejects(read({ previous: true }), { message: 'previous terminated container "main" in pod "talker" not found' });
    // A client that hangs up ends a follow that would never end.
    const hangUp = new AbortController();
    const endless = await node.kubelet.logs('default', 'shell', options, hangUp.signal);
    const ended = readAll(endless);
    setTimeout(() => hangUp.abort(), 20);
    assert.equal(await ended, '');
  });

  test('port-forward reaches a server that listens on loopback only', async () => {
    await node.createPod('local', {
      containers: [
        { name: 'main', image: 'busybox', command: ['sh', '-c', 'mkdir /w; echo found > /w/x; exec httpd -f -p 127.0.0.1:8000 -h /w'] },
      ],
    });
    await node.until('local', isReady);
    for (let tries = 0; ; tries++) {
      const connection = await node.kubelet.portForward('default', 'local', 8000).catch(() => undefined);
      if (connection === undefined) {
        assert.ok(tries < 100, 'no connection');
        await pause(20);
        continue;
      }
      connection.write('GET /x HTTP/1.0\r\n\r\n');
      assert.match(await readAll(connection), /found\n$/);
      break;
    }
    await assert.rejects(node.kubelet.portForward('default', 'local', 9999), /ECONNREFUSED/);
  });

  test('busybox: wget with a time limit, nc that only looks', async () => {
    await node.createPod('tools', {
      containers: [
        {
          name: 'main',
          image: 'busybox',
          command: ['sh', '-c', 'mkdir /w; echo found > /w/x; httpd -p 127.0.0.1:8000 -h /w; exec nc -ll -p 8001 -e sleep 100'],
        },
      ],
    });
    await node.until('tools', isReady);
    for (let tries = 0; (await node.exec('tools', ['nc', '-z', '-w', '1', '127.0.0.1', '8000'])).exitCode !== 0; tries++)
      assert.ok(tries < 100);
    const rows: [command: string, exitCode: number, output: string][] = [
      ['wget -qO- http://127.0.0.1:8000/x', 0, 'found\n'],
      ['wget -T 2 -qO- http://127.0.0.1:8000/x', 0, 'found\n'],
      ['wget --spider --timeout=2 -q http://127.0.0.1:8000/x', 0, ''],
      ['wget -qO- -T 1 http://127.0.0.1:8001/x', 1, 'wget: download timed out\n'],
      ['nc -zv -w 1 127.0.0.1 8000', 0, '127.0.0.1 (127.0.0.1:8000) open\n'],
      ['nc -zvw 1 127.0.0.1 8000', 0, '127.0.0.1 (127.0.0.1:8000) open\n'],
      ['nc -zw 1 127.0.0.1 9', 1, "nc: can't connect to remote host (127.0.0.1): Connection refused\n"],
    ];
    for (const [command, exitCode, output] of rows) {
      const result = await node.exec('tools', ['sh', '-c', command]);
      assert.deepEqual([result.exitCode, result.stdout + result.stderr], [exitCode, output], command);
    }
  });

  test('curl works in every container', async () => {
    for (const image of ['debian', 'busybox', 'curlimages/curl']) {
      const name = `curl-${image.replace(/\W/g, '-')}`;
      await node.createPod(name, { containers: [{ name: 'main', image, command: ['sh', '-c', 'exec sleep 100'] }] });
      await node.until(name, isReady);
      const { exitCode, stdout } = await node.exec(name, ['curl', '--version']);
      assert.equal(exitCode, 0, image);
      assert.match(stdout, /^curl \d/, image);
      assert.equal((await node.exec(name, ['/opt/palisade/bin/curl', '--version'])).exitCode, 0, image);
    }
  });
});
