/** What one large form costs the requests beside it: benign GETs to a server while it judges the form, with a worker and without. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import type { BenchRequest } from '../waf-peer.ts';

export interface ServerJob {
  readonly directives: string;
  readonly files: readonly string[];
  readonly hasWorker: boolean;
}

export interface Latencies {
  /** Of all GETs. */
  readonly medianMs: number;
  /** The slowest GET beside each form; the median of these. */
  readonly worstMs: number;
}

const ROUNDS = 60;
const FORM_BYTES = 500_000;
const FIELD = `&text=${'The+quick+brown+fox+jumps+over+the+lazy+dog.+'.repeat(40)}`;

/** Rounds alternate between the two servers, so that other work on the machine meets both. */
export async function measureLatencies(
  directives: string,
  files: readonly string[],
  get: BenchRequest,
): Promise<{ readonly inThread: Latencies; readonly inEventLoop: Latencies }> {
  const sides = await Promise.all([true, false].map((hasWorker) => openServer({ directives, files, hasWorker })));
  try {
    const taken = sides.map((): number[][] => []);
    for (let round = 0; round < ROUNDS; round++)
      for (const [index, { port }] of sides.entries()) {
        const latencies = await besideForm(port, get);
        // The first rounds compile and learn.
        if (round >= 10) taken[index]!.push(latencies);
      }
    return { inThread: summary(taken[0]!), inEventLoop: summary(taken[1]!) };
  } finally {
    for (const { child } of sides) child.kill();
  }
}

async function openServer(job: ServerJob): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const file = join(new URL('.', import.meta.url).pathname, 'latency-server.ts');
  const child = spawn(process.execPath, [file, JSON.stringify(job)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await Promise.race([
    once(child.stdout!, 'data'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`waf latency: the server ended with ${code}`))),
  ])) as [Buffer];
  return { child, port: Number(line) };
}

/** One form, and one GET after the other on a connection of their own until it is answered. @returns milliseconds of each */
async function besideForm(port: number, get: BenchRequest): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const getOnce = () => send(port, agent, 'GET', get.uri, Object.fromEntries(get.headers));
  try {
    await getOnce();
    let isAnswered = false;
    const body = FIELD.repeat(Math.ceil(FORM_BYTES / FIELD.length)).slice(1, FORM_BYTES);
    const form = send(port, undefined, 'POST', '/api/form', { 'Content-Type': 'application/x-www-form-urlencoded' }, body).then(() => {
      isAnswered = true;
    });
    const latencies: number[] = [];
    while (!isAnswered) {
      const start = performance.now();
      await getOnce();
      latencies.push(performance.now() - start);
    }
    await form;
    return latencies;
  } finally {
    agent.destroy();
  }
}

async function send(port: number, agent: Agent | undefined, method: string, path: string, headers: Record<string, string>, body = '') {
  const length = body === '' ? {} : { 'Content-Length': body.length };
  const options = { host: '127.0.0.1', port, method, path, headers: { ...headers, ...length }, agent: agent ?? false } as const;
  const [response] = (await once(httpRequest(options).end(body), 'response')) as [IncomingMessage];
  if (response.statusCode !== 200) throw new Error(`waf latency: ${method} ${path} was answered with ${response.statusCode}`);
  await once(response.resume(), 'end');
}

function summary(forms: readonly (readonly number[])[]): Latencies {
  return { medianMs: median(forms.flat()), worstMs: median(forms.map((latencies) => Math.max(...latencies))) };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
