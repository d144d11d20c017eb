/**
 * Two hops with mutual TLS, RBAC, metrics and a JSON access log, the same bootstrap for Envoy (`--concurrency 1`) and for ours. Runs alternate;
 * the best of each side counts, since noise only adds. CPU of both processes together, divided by two hops.
 */
import type { AddressInfo } from 'node:net';
import { connect as connectTls, createSecureContext } from 'node:tls';
import { makeIdentities, type TestIdentity } from '@palisade/proxy/testing';
import { findEnvoy } from '../scripts/setup/envoy.mjs';
import type { Bench, Measurement } from './bench.ts';
import { type Hops, launchEnvoy, launchOurs, startHops } from './mesh-lib/hops.ts';
import { type Load, runLoad, startApplication } from './mesh-lib/load.ts';

type Emit = (measurement: Measurement) => void;
/** @returns the figure of one run */
type Measure = (hops: Hops, identities: readonly [TestIdentity, TestIdentity]) => Promise<number>;

const rounds = Number(process.env['BENCH_ROUNDS'] ?? 3);
const scale = Number(process.env['BENCH_SCALE'] ?? 1);

async function compare(name: string, unit: string, measure: Measure, emit: Emit): Promise<void> {
  const envoy = findEnvoy();
  const application = await startApplication();
  const identities = (await makeIdentities(['client', 'server'])) as unknown as readonly [TestIdentity, TestIdentity];
  const { port } = application.address() as AddressInfo;
  const sides = { ours: await launchOurs(), ...(envoy === undefined ? {} : { peer: launchEnvoy(envoy) }) };
  const best = { ours: Number.POSITIVE_INFINITY, peer: Number.POSITIVE_INFINITY };
  try {
    for (let round = 0; round < rounds; round++) {
      for (const [side, launch] of Object.entries(sides)) {
        const hops = await startHops(launch, port, identities);
        try {
          best[side as keyof typeof best] = Math.min(best[side as keyof typeof best], await measure(hops, identities));
        } finally {
          await hops.stop();
        }
      }
    }
  } finally {
    application.close();
  }
  const hasPeer = envoy !== undefined;
  emit({
    name,
    unit,
    ours: round(best.ours),
    peer: hasPeer ? round(best.peer) : null,
    peerName: hasPeer ? 'Envoy' : null,
    ratio: hasPeer ? round(best.ours / best.peer, 100) : null,
  });
}

const round = (value: number, by = 10) => Math.round(value * by) / by;

/** Counts CPU a request and hop after as many requests as are counted: a sidecar lives for days, compiling takes some 50,000 requests. */
function perRequest(load: Omit<Load, 'port'>): Measure {
  return async (hops) => {
    const port = hops.plainPort;
    const requests = Math.round(load.requests * scale);
    await runLoad({ ...load, port, requests });
    const before = hops.cpu();
    const bad = await runLoad({ ...load, port, requests });
    if (bad > 0) throw new Error(`${bad} of ${requests} requests were not answered with 200`);
    return (hops.cpu() - before) / requests / 2;
  };
}

const small = { connections: 32, requests: 40_000, method: 'GET', bodyBytes: 0, responseBytes: 200 } as const;

const handshakes: Measure = async (hops, [client]) => {
  const secureContext = createSecureContext({ cert: client.certPem, key: client.keyPem, ca: client.rootPem, minVersion: 'TLSv1.3' });
  const count = Math.round(1000 * scale);
  const once = () =>
    new Promise<void>((resolve, reject) => {
      const socket = connectTls({ host: '127.0.0.1', port: hops.tlsPort, secureContext, checkServerIdentity: () => undefined }, () =>
        socket.write('GET /200 HTTP/1.1\r\nhost: app.example\r\nconnection: close\r\n\r\n'),
      );
      socket.on('error', reject);
      socket.on('data', () => {});
      socket.on('close', () => resolve());
    });
  const run = async (total: number) => {
    let left = total;
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        while (left-- > 0) await once();
      }),
    );
  };
  await run(Math.round(count / 4));
  const before = hops.cpu();
  await run(count);
  return (hops.cpu() - before) / count;
};

/** A million requests at full scale: what the larger of the two processes holds then, and what the second half added. */
const memory =
  (isGrowth: boolean): Measure =>
  async (hops) => {
    const load: Load = { ...small, port: hops.plainPort, requests: Math.round(500_000 * scale) };
    await runLoad(load);
    const half = hops.rssMb();
    await runLoad(load);
    return isGrowth ? Math.max(0, hops.rssMb() - half) : hops.rssMb();
  };

const bulkBytes = 8 * 1024 * 1024;
const bulk: Measure = async (hops) => {
  const load: Load = {
    port: hops.plainPort,
    connections: 2,
    requests: Math.round(32 * scale),
    method: 'GET',
    bodyBytes: 0,
    responseBytes: bulkBytes,
  };
  await runLoad({ ...load, requests: 4 });
  const before = hops.cpu();
  await runLoad(load);
  return ((hops.cpu() - before) / 1000 / (load.requests * bulkBytes)) * 1024 ** 3;
};

export const benches: Bench[] = [
  {
    name: 'mesh http1 cpu',
    async run(emit) {
      const unit = 'µs CPU a request and hop';
      await compare('mesh http1 cpu GET 200 B, 32 connections', unit, perRequest(small), emit);
      await compare('mesh http1 cpu POST 200 B, 32 connections', unit, perRequest({ ...small, method: 'POST', bodyBytes: 200 }), emit);
      await compare('mesh http1 cpu GET 16 KB, 32 connections', unit, perRequest({ ...small, responseBytes: 16_384 }), emit);
      await compare('mesh http1 cpu POST 16 KB, 32 connections', unit, perRequest({ ...small, method: 'POST', bodyBytes: 16_384 }), emit);
      await compare('mesh http1 cpu GET 200 B, 256 connections', unit, perRequest({ ...small, connections: 256 }), emit);
    },
  },
  { name: 'mesh tls bulk', run: (emit) => compare('mesh tls bulk', 'ms CPU a GiB, both hops', bulk, emit) },
  {
    name: 'mesh memory',
    async run(emit) {
      await compare('mesh memory, a million GETs of 200 B', 'MB resident, the larger process', memory(false), emit);
      await compare('mesh memory, growth over the second half', 'MB', memory(true), emit);
    },
  },
  { name: 'mesh handshake', run: (emit) => compare('mesh handshake', 'µs CPU a new mutual TLS connection, server side', handshakes, emit) },
];
