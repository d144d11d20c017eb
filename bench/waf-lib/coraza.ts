/** Coraza as a Go program of its own, asked for one batch at a time. Built once into the cache where Go is present. */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { BenchRequest } from '../waf-peer.ts';

export interface Coraza {
  readonly name: string;
  /** Run one request over and over for so long: microseconds a run, and its status. */
  batch(request: BenchRequest, ms: number): Promise<{ readonly microseconds: number; readonly status: number }>;
  close(): void;
}

const source = join(new URL('.', import.meta.url).pathname, 'coraza');

/** The program, built when it is not in the cache; undefined without Go or its modules. */
function findProgram(): string | undefined {
  const hash = createHash('sha256');
  for (const file of ['main.go', 'go.mod', 'go.sum']) hash.update(readFileSync(join(source, file)));
  const folder = join(process.env['PALISADE_CACHE'] ?? join(homedir(), '.cache/palisade'), 'peers/coraza');
  const program = join(folder, `coraza-bench-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  spawnSync('go', ['build', '-o', program, '.'], { cwd: source, stdio: 'ignore', timeout: 300_000 });
  return existsSync(program) ? program : undefined;
}

export async function openCoraza(
  directives: string,
  files: readonly string[],
  requests: readonly BenchRequest[],
): Promise<Coraza | undefined> {
  const program = findProgram();
  if (program === undefined) return undefined;
  const child = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, GOMAXPROCS: '1' } });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<string[]> => {
    const line = await lines.next();
    if (line.done) throw new Error('coraza: the program ended');
    return line.value.split(' ');
  };
  const job = {
    directives,
    files,
    requests: requests.map((request) => ({
      ...request,
      body: request.body?.toString('base64') ?? '',
      response: request.response?.toString('base64') ?? '',
    })),
  };
  child.stdin.write(`${JSON.stringify(job)}\n`);
  await answer();
  return {
    name: 'Coraza 3.8.1',
    async batch(request, ms) {
      child.stdin.write(`${JSON.stringify(request.name)} ${ms}\n`);
      const [microseconds, status] = await answer();
      return { microseconds: Number(microseconds), status: Number(status) };
    },
    close: () => child.stdin.end(),
  };
}
