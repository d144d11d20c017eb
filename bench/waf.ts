/**
 * The WAF against libmodsecurity (in this process, alternating) and Coraza (a process of its own, alternating): same rules
 * (CRS 4.25.0), same requests. What a large form costs the requests beside it is measured on a server of ours with a worker and without.
 * Memory is measured on the published form, in a process without a peer.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { wafProgramEnvironment, wafProgramFlags } from '@palisade/cluster/images';
import { type Engine, loadEngine } from '@palisade/waf';
import type { Bench, Measurement } from './bench.ts';
import { type Coraza, openCoraza } from './waf-lib/coraza.ts';
import { measureLatencies } from './waf-lib/latency.ts';
import { directivesFor, missingFile, readRequests, ruleFiles, runOurs } from './waf-lib/requests.ts';
import { type BenchRequest, openPeer, type Peer } from './waf-peer.ts';

/** Batches each side runs; the best one counts, since other work on the machine only ever adds. */
const ROUNDS = 40;
const BATCH_MS = 25;

type Emit = (measurement: Measurement) => void;

interface Sides {
  readonly engine: Engine;
  readonly peer: Peer | undefined;
  readonly coraza: Coraza | undefined;
}

/** Microseconds a run, over one batch. */
function batch(run: () => void): number {
  const start = performance.now();
  let runs = 0;
  let elapsed = 0;
  do {
    run();
    runs++;
    elapsed = performance.now() - start;
  } while (elapsed < BATCH_MS);
  return (elapsed * 1000) / runs;
}

async function measure(name: string, { engine, peer, coraza }: Sides, request: BenchRequest, emit: Emit): Promise<void> {
  const status = runOurs(engine, request);
  const peerStatus = peer?.run(request) ?? status;
  if (status !== peerStatus) throw new Error(`waf ${name}: our status is ${status}, ${peer!.name}'s is ${peerStatus}`);
  const best = { ours: Number.POSITIVE_INFINITY, peer: Number.POSITIVE_INFINITY, coraza: Number.POSITIVE_INFINITY };
  for (let round = 0; round < ROUNDS; round++) {
    best.ours = Math.min(
      best.ours,
      batch(() => runOurs(engine, request)),
    );
    if (peer)
      best.peer = Math.min(
        best.peer,
        batch(() => peer.run(request)),
      );
    if (coraza) best.coraza = Math.min(best.coraza, (await coraza.batch(request, BATCH_MS)).microseconds);
  }
  emit(compared(`waf ${name}`, best.ours, peer && { name: peer.name, value: best.peer }));
  if (coraza) emit(compared(`waf ${name}, Coraza`, best.ours, { name: coraza.name, value: best.coraza }));
}

function compared(name: string, ours: number, peer: { readonly name: string; readonly value: number } | undefined): Measurement {
  const round = (value: number) => Math.round(value * 10) / 10;
  return {
    name,
    unit: 'us',
    ours: round(ours),
    peer: peer ? round(peer.value) : null,
    peerName: peer?.name ?? null,
    ratio: peer ? Math.round((ours / peer.value) * 10_000) / 10_000 : null,
  };
}

function alone(name: string, unit: string, ours: number): Measurement {
  return { name, unit, ours, peer: null, peerName: null, ratio: null };
}

/** At paranoia 1 all requests and peers; at 4 the two that are neither short nor long, against libmodsecurity. */
async function measureSpeed(emit: Emit): Promise<void> {
  const files = ruleFiles();
  const requests = readRequests();
  const start = performance.now();
  const engine = loadEngine({ before: directivesFor(1), files });
  emit(alone('waf load', 'ms', Math.round(performance.now() - start)));
  const peer = openPeer(directivesFor(1), files);
  if (!peer) console.error('waf: libmodsecurity is not to be had (PyPI wheel, PALISADE_LIBMODSECURITY); measured without it');
  const coraza = await openCoraza(directivesFor(1), files, requests);
  if (!coraza) console.error('waf: Coraza is not to be had (no Go, or its modules cannot be fetched); measured without it');
  for (const request of requests) await measure(request.name, { engine, peer, coraza }, request, emit);
  coraza?.close();
  peer?.close();
  const strict = loadEngine({ before: directivesFor(4), files });
  const strictPeer = openPeer(directivesFor(4), files);
  for (const request of requests)
    if (['get', 'json', 'form'].includes(request.name))
      await measure(`${request.name}, paranoia 4`, { engine: strict, peer: strictPeer, coraza: undefined }, request, emit);
  strictPeer?.close();
}

/** Ours: with a worker. The peer: the same server without one. */
async function measureBesideForm(emit: Emit): Promise<void> {
  const get = readRequests().find((request) => request.name === 'get')!;
  const { inThread, inEventLoop } = await measureLatencies(directivesFor(1), ruleFiles(), get);
  for (const [name, kind] of [
    ['median', 'medianMs'],
    ['slowest', 'worstMs'],
  ] as const) {
    const peer = { name: 'without bodyWorker', value: inEventLoop[kind] };
    emit({ ...compared(`waf get beside a form of 500 KB, ${name}`, inThread[kind], peer), unit: 'ms' });
  }
}

interface Memory {
  readonly startMb: number;
  readonly loadedMb: number;
  /** Evenly over a million requests. */
  readonly samples: readonly number[];
}

const here = new URL('.', import.meta.url).pathname;

interface Runtime {
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const asSidecar: Runtime = { flags: wafProgramFlags, env: wafProgramEnvironment };
const asInstalled: Runtime = { flags: [], env: {} };

/** Once as the cluster runs it, once with Node's own settings, whose large young generation is then most of what is seen. */
function measureMemory(emit: Emit): void {
  const folder = mkdtempSync(join(tmpdir(), 'palisade-waf-bench-'));
  try {
    const built = spawnSync(process.execPath, [join(here, '../packages/waf/scripts/build.ts'), join(folder, 'waf')], {
      stdio: ['ignore', 2, 'inherit'],
    });
    if (built.status !== 0) throw new Error(`waf memory: the package cannot be built: ${built.status ?? built.signal}`);
    const entry = join(folder, 'waf/dist/index.js');
    reportMemory('waf rss', entry, asSidecar, emit);
    reportMemory('waf rss, default heap', entry, asInstalled, emit);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function reportMemory(name: string, entry: string, { flags, env }: Runtime, emit: Emit): void {
  const requests = readRequests().map((request) => ({
    ...request,
    body: request.body?.toString('base64') ?? '',
    response: request.response?.toString('base64') ?? '',
  }));
  const job = JSON.stringify({ entry, directives: directivesFor(1), files: ruleFiles(), requests });
  const child = spawnSync(process.execPath, [...flags, join(here, 'waf-lib/memory.mjs')], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    input: job,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  if (child.status !== 0) throw new Error(`waf memory: the process ended with ${child.status ?? child.signal}`);
  const { startMb, loadedMb, samples } = JSON.parse(child.stdout) as Memory;
  const round = (value: number) => Math.round(value * 10) / 10;
  emit(alone(name, 'MB', round(samples.at(-1)!)));
  emit(alone(`${name}, before rules`, 'MB', round(startMb)));
  emit(alone(`${name}, rules loaded`, 'MB', round(loadedMb)));
  emit(alone(`${name}, slope of second half`, 'MB per million', round(slope(samples.slice(samples.length / 2)) * samples.length)));
}

/** Least squares, per sample. */
function slope(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const top = values.reduce((sum, value, at) => sum + (at - middle) * (value - mean), 0);
  return top / values.reduce((sum, _, at) => sum + (at - middle) ** 2, 0);
}

async function run(emit: Emit): Promise<void> {
  const missing = missingFile();
  if (missing !== undefined) {
    console.error(
      `waf: skipped, no ${missing} (rules: go mod download github.com/corazawaf/coraza-coreruleset/v4@v4.25.0, or PALISADE_CRS4)`,
    );
    return;
  }
  await measureSpeed(emit);
  await measureBesideForm(emit);
  measureMemory(emit);
}

export const benches: Bench[] = [{ name: 'waf', run }];
