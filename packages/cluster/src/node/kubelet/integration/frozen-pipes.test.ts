import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isolated } from '../../network/testing/isolate.ts';
import { isReady, pause, startTestNode, type TestNode } from '../testing/test-node.ts';

/** A server that neither says nor reads anything, and a connection to it as descriptor 3. */
const SILENT_SOCKET =
  'nc -ll -p 8001 -e sleep 1000 2>/dev/null & until { exec 3<>/dev/tcp/127.0.0.1/8001; } 2>/dev/null; do sleep 0.02; done; ';
/**
 * busybox's cat hands a socket's bytes on inside the kernel and so keeps the pipe on its other side locked while none come: whoever reads, writes or
 * closes that pipe waits in a state that no signal ends. Others' words keep the reader from sleeping already.
 */
const FREEZE_OUTPUT = `${SILENT_SOCKET} yes & sleep 0.3; exec cat <&3`;
const FREEZE_ERROR = `${SILENT_SOCKET} yes >&2 & sleep 0.3; exec cat <&3 >&2`;
/**
 * The other way round: the socket is full, and whoever wants to empty the pipe into it holds the pipe. A little space in it before wakes
 * the writer; a second reader is there to be seen waiting. In perl, which is on every Debian: splice(2) by its number.
 */
const FILL_AND_FREEZE = `
use IO::Handle;
open(my $full, "+<&=", 3) or die;
$full->blocking(0);
1 while syswrite($full, "." x 65536);
$full->blocking(1);
sysread(STDIN, my $space, 4096);
syscall(${process.arch === 'arm64' ? 76 : 275}, 0, 0, 3, 0, 65536, 0);`;
const FREEZE_INPUT = `${SILENT_SOCKET} while sleep 0.1; do head -c 1; done <&0 >/dev/null & sleep 0.3; exec perl -e '${FILL_AND_FREEZE}'`;

/** Processes of all containers and of the node that no signal ends, now and a moment ago. */
async function frozen(): Promise<number> {
  const before = uninterruptible();
  await pause(60);
  return uninterruptible().filter((pid) => before.includes(pid)).length;
}

function uninterruptible(): string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && /\) D /.test(readTextOr(`/proc/${name}/stat`)));
}

function readTextOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

async function until(isWanted: (count: number) => boolean, what: string): Promise<void> {
  for (let tries = 0; !isWanted(await frozen()); tries++) assert.ok(tries < 200, what);
}

/** @returns false when it does not happen soon */
function drained(stream: Writable): Promise<boolean> {
  return Promise.race([once(stream, 'drain').then(() => true), pause(300).then(() => false)]);
}

isolated(fileURLToPath(import.meta.url), () => {
  let node: TestNode;
  before(async () => {
    node = await startTestNode();
    await node.createPod('neighbour', { containers: [{ name: 'main', image: 'busybox', command: ['sleep', '1000'] }] });
    await node.until('neighbour', isReady);
  });
  after(() => node.stop());

  const neighbourAnswers = async () => assert.equal((await node.exec('neighbour', ['echo', 'here'])).stdout, 'here\n');

  for (const [name, script] of [
    ['output', FREEZE_OUTPUT],
    ['error', FREEZE_ERROR],
  ] as const) {
    test(`a container that keeps the pipe of its ${name} locked harms nobody, and goes when it is deleted`, async () => {
      await node.createPod(name, { containers: [{ name: 'main', image: 'busybox', command: ['bash', '-c', script] }] });
      await until((count) => count > 0, 'nothing froze: no attack');
      await neighbourAnswers();
      await node.deletePod(name, 0);
      await node.untilGone(name);
      await until((count) => count === 0, 'something is left frozen');
    });
  }

  test('a program of exec that keeps its pipes locked harms nobody, and goes with its client', async () => {
    for (const script of [FREEZE_OUTPUT, FREEZE_ERROR]) {
      const session = await node.kubelet.exec('default', 'neighbour', {
        container: 'main',
        command: ['bash', '-c', script],
        tty: false,
        stdin: true,
      });
      for (const stream of [session.stdout, session.stderr!]) stream.resume();
      await until((count) => count > 0, 'nothing froze: no attack');
      await neighbourAnswers();
      session.kill();
      await session.exit;
      await until((count) => count === 0, 'something is left frozen');
    }
  });

  test('a program that keeps the pipe of its input locked harms nobody', async () => {
    const session = await node.kubelet.exec('default', 'neighbour', {
      container: 'main',
      command: ['bash', '-c', FREEZE_INPUT],
      tty: false,
      stdin: true,
    });
    // More than the buffers of all sockets and pipes on the way take.
    session.stdin!.write(Buffer.alloc(32 * 1024 * 1024));
    await until((count) => count > 0, 'nothing froze: no attack');
    await neighbourAnswers();
    session.kill();
    await session.exit;
    await until((count) => count === 0, 'something is left frozen');
  });

  test('a terminal whose program does not read holds up nobody who writes to it', async () => {
    const session = await node.kubelet.exec('default', 'neighbour', {
      container: 'main',
      command: ['sleep', '1000'],
      tty: true,
      stdin: true,
    });
    session.stdin!.write('line\n'.repeat(1_000_000));
    await pause(50);
    await neighbourAnswers();
    session.kill();
    await session.exit;
  });

  test('a container that waits for what a sidecar holds does not keep the pod', async () => {
    const volumeMounts = [{ name: 'v', mountPath: '/v' }];
    await node.createPod('waiting', {
      initContainers: [
        {
          name: 'holder',
          image: 'busybox',
          restartPolicy: 'Always',
          command: ['bash', '-c', `mkfifo /v/fifo; exec 4<>/v/fifo; ${SILENT_SOCKET} touch /v/ready; exec cat <&3 >&4`],
          volumeMounts,
        },
      ],
      containers: [
        {
          name: 'main',
          image: 'busybox',
          command: ['sh', '-c', 'while [ ! -e /v/ready ]; do sleep 0.02; done; sleep 0.3; echo > /v/fifo'],
          volumeMounts,
        },
      ],
      volumes: [{ name: 'v', emptyDir: {} }],
    });
    await until((count) => count > 0, 'nothing froze: no attack');
    await neighbourAnswers();
    await node.deletePod('waiting', 1);
    await node.untilGone('waiting');
    assert.equal((await node.events('FailedKillPod')).length, 1);
    await until((count) => count === 0, 'something is left frozen');
  });

  test('a client that attaches waits for a program that does not read', async () => {
    await node.createPod('deaf', { containers: [{ name: 'main', image: 'busybox', command: ['sleep', '1000'], stdin: true }] });
    await node.until('deaf', isReady);
    const session = await node.kubelet.attach('default', 'deaf', { container: 'main', tty: false, stdin: true });
    let taken = 0;
    const chunk = Buffer.alloc(1024 * 1024);
    while (taken < 64 && (session.stdin!.write(chunk) || (await drained(session.stdin!)))) taken += 1;
    assert.ok(taken < 8, `${taken} MiB are held for it`);
    session.kill();
  });

  test("a terminal is made in the kernel's folder only", async () => {
    // The number of the next terminal is a guess: all of them lead to a file of the machine.
    const plant = 'mkdir /v/pts; ln -s /dev/ptmx /v/pts/ptmx; for i in $(seq 0 200); do ln -s /etc/hostname /v/pts/$i; done';
    await node.createPod('dev', {
      initContainers: [{ name: 'plant', image: 'busybox', command: ['sh', '-c', plant], volumeMounts: [{ name: 'v', mountPath: '/v' }] }],
      containers: [{ name: 'main', image: 'busybox', command: ['sleep', '1000'], volumeMounts: [{ name: 'v', mountPath: '/dev' }] }],
      volumes: [{ name: 'v', emptyDir: {} }],
    });
    await node.until('dev', isReady);
    const request = { container: 'main', command: ['sh', '-c', 'ls -l /proc/self/fd'], tty: true, stdin: false };
    await assert.rejects(node.kubelet.exec('default', 'dev', request), /not the kernel's folder of terminals/);
  });

  test('a container that handed its output to another one ends without it', async () => {
    const volumeMounts = [{ name: 'v', mountPath: '/v' }];
    // The keeper opens the output of the other, which shares its processes, and stays.
    await node.createPod('shared', {
      restartPolicy: 'Never',
      shareProcessNamespace: true,
      containers: [
        {
          name: 'main',
          image: 'busybox',
          command: ['sh', '-c', 'echo $$$$ > /v/pid; while [ ! -e /v/held ]; do sleep 0.02; done'],
          volumeMounts,
        },
        {
          name: 'keeper',
          image: 'busybox',
          command: [
            'sh',
            '-c',
            'while [ ! -s /v/pid ]; do sleep 0.02; done; exec 5>/proc/$(cat /v/pid)/fd/1; touch /v/held; exec sleep 1000',
          ],
          volumeMounts,
        },
      ],
      volumes: [{ name: 'v', emptyDir: {} }],
    });
    await node.until('shared', (pod) => pod.status?.containerStatuses?.find(({ name }) => name === 'main')?.state.terminated !== undefined);
    await node.deletePod('shared', 0);
    await node.untilGone('shared');
  });
});
