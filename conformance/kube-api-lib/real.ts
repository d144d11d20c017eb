import { type ChildProcess, spawn } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findKubeApiServer } from '../../scripts/setup/kube-apiserver.mjs';
import { type Contender, connect } from './contender.ts';
import type { Embedded } from './embedded.ts';

const START_MS = 120_000;

/** kube-apiserver over an empty etcd, both on loopback, with the embedded server's keys. Undefined when they were never built. */
export async function startReal({ pki, folder: keysOf }: Embedded): Promise<(Contender & AsyncDisposable) | undefined> {
  const binaries = findKubeApiServer();
  if (binaries === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'palisade-kube-apiserver-'));
  const [client, peer, secure] = await freePorts(3);
  const children: ChildProcess[] = [];
  const start = (command: string, args: readonly string[], log: string) => {
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let text = '';
    child.stderr!.setEncoding('utf8').on('data', (part: string) => {
      text = (text + part).slice(-4000);
    });
    child.on('exit', () => writeFileSync(join(folder, log), text));
    children.push(child);
    return { child, tail: () => text };
  };
  const killAll = () => {
    for (const child of children) child.kill('SIGKILL');
  };
  process.once('exit', killAll);
  const stop = async () => {
    process.off('exit', killAll);
    await Promise.all(
      children.map(async (child) => {
        if (child.exitCode !== null) return;
        child.kill('SIGKILL');
        await once(child, 'exit');
      }),
    );
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    mkdirSync(join(folder, 'data'), { mode: 0o700 });
    const publicKey = join(folder, 'sa.pub');
    writeFileSync(publicKey, createPublicKey(readFileSync(join(pki, 'sa.key'))).export({ type: 'spki', format: 'pem' }));
    start(binaries.etcd, etcdArguments(join(folder, 'data'), client!, peer!), 'etcd.log');
    const { child, tail } = start(binaries.apiserver, serverArguments(pki, publicKey, client!, secure!), 'kube-apiserver.log');
    const kubeconfig = readFileSync(join(keysOf, 'kubeconfig'), 'utf8').replace(/127\.0\.0\.1:\d+/, `127.0.0.1:${secure}`);
    writeFileSync(join(folder, 'kubeconfig'), kubeconfig, { mode: 0o600 });
    const contender = connect(folder);
    const deadline = Date.now() + START_MS;
    for (;;) {
      const ready = await contender.ask('GET', '/readyz', {}, undefined).catch(() => undefined);
      if (ready?.code === 200) break;
      if (child.exitCode !== null || Date.now() > deadline) throw new Error(`kube-apiserver does not start: ${tail()}`);
      await sleep(200);
    }
    return {
      ...contender,
      async [Symbol.asyncDispose]() {
        contender[Symbol.dispose]();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function etcdArguments(data: string, client: number, peer: number): string[] {
  const [clientUrl, peerUrl] = [`http://127.0.0.1:${client}`, `http://127.0.0.1:${peer}`];
  return [
    `--data-dir=${data}`,
    `--listen-client-urls=${clientUrl}`,
    `--advertise-client-urls=${clientUrl}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=default=${peerUrl}`,
  ];
}

/** As kubeadm starts it, but for anonymous requests, which the embedded server refuses by decision, and for the endpoints it has none of. */
function serverArguments(pki: string, publicKey: string, etcdPort: number, port: number): string[] {
  return [
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    '--bind-address=127.0.0.1',
    '--external-hostname=127.0.0.1',
    `--secure-port=${port}`,
    `--client-ca-file=${join(pki, 'ca.crt')}`,
    `--tls-cert-file=${join(pki, 'serving.crt')}`,
    `--tls-private-key-file=${join(pki, 'serving.key')}`,
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${publicKey}`,
    `--service-account-signing-key-file=${join(pki, 'sa.key')}`,
    '--service-cluster-ip-range=10.96.0.0/16,fd00:10:96::/112',
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--allow-privileged=true',
    '--anonymous-auth=false',
    '--endpoint-reconciler-type=none',
    '--v=0',
  ];
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  return Promise.all(
    servers.map(async (server) => {
      const { port } = server.address() as { port: number };
      server.close();
      await once(server, 'close');
      return port;
    }),
  );
}
