/** The WAF against libmodsecurity: same rules (CRS 4.25.0, paranoia 1), same requests, one process, alternating. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Engine, loadEngine } from '@palisade/waf';
import type { Bench, Measurement } from './bench.ts';
import { type BenchRequest, openPeer } from './waf-peer.ts';

interface RequestFile {
  readonly headers: readonly (readonly [string, string])[];
  readonly requests: readonly {
    readonly name: string;
    readonly method: string;
    readonly uri: string;
    readonly contentType?: string;
    readonly body?: string;
  }[];
  readonly responseBody: string;
}

const rulesFolder =
  process.env['PALISADE_CRS4'] ??
  join(process.env['GOPATH'] ?? join(homedir(), 'go'), 'pkg/mod/github.com/corazawaf/coraza-coreruleset/v4@v4.25.0/rules/@owasp_crs');
const requestFile = join(
  process.env['SHARED_DIR'] ?? join(new URL('.', import.meta.url).pathname, '../../shared'),
  'bench/waf-requests.json',
);

const directives = `
SecRuleEngine On
SecRequestBodyAccess On
SecResponseBodyAccess On
SecRequestBodyLimit 13107200
SecRequestBodyNoFilesLimit 1048576
SecResponseBodyLimit 524288
SecRule REQUEST_HEADERS:Content-Type "^application/json" "id:200001,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON"
`;

/** Batches each side runs; the best one counts, since other work on the machine only ever adds. */
const ROUNDS = 40;
const BATCH_MS = 25;

function readRequests(): BenchRequest[] {
  const file = JSON.parse(readFileSync(requestFile, 'utf8')) as RequestFile;
  const toRequest = ({ name, method, uri, contentType, body }: RequestFile['requests'][number]): BenchRequest => {
    const bytes = body === undefined ? undefined : Buffer.from(body, 'utf8');
    const extra: [string, string][] =
      bytes && contentType
        ? [
            ['Content-Type', contentType],
            ['Content-Length', String(bytes.length)],
          ]
        : [];
    return { name, method, uri, headers: [...file.headers, ...extra], body: bytes, response: undefined };
  };
  const requests = file.requests.map(toRequest);
  const get = requests.find((request) => request.name === 'get')!;
  return [...requests, { ...get, name: 'get+response', response: Buffer.from(file.responseBody, 'utf8') }];
}

const connection = { clientAddress: '192.0.2.1', clientPort: 40000, serverAddress: '192.0.2.2', serverPort: 80 };

function runOurs(engine: Engine, request: BenchRequest): number {
  const transaction = engine.transaction({ id: 'bench', now: () => 1_000_000_000_000, connection });
  const decide = (): number => {
    let stopped = transaction.requestHeaders({ method: request.method, uri: request.uri, protocol: 'HTTP/1.1', headers: request.headers });
    if (stopped) return stopped.status;
    if (request.body) transaction.requestBodyChunk(request.body);
    stopped = transaction.requestBody();
    if (stopped || !request.response) return stopped?.status ?? 200;
    transaction.responseHeaders({ status: 200, protocol: 'HTTP/1.1', headers: [['Content-Type', 'text/html; charset=utf-8']] });
    transaction.responseBodyChunk(request.response);
    return transaction.responseBody()?.status ?? 200;
  };
  const status = decide();
  transaction.finish();
  return status;
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

function measure(engine: Engine, peer: ReturnType<typeof openPeer>, request: BenchRequest, emit: (measurement: Measurement) => void): void {
  const status = runOurs(engine, request);
  const peerStatus = peer?.run(request) ?? status;
  if (status !== peerStatus) throw new Error(`waf ${request.name}: our status is ${status}, ${peer!.name}'s is ${peerStatus}`);
  let ours = Number.POSITIVE_INFINITY;
  let theirs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    ours = Math.min(
      ours,
      batch(() => runOurs(engine, request)),
    );
    if (peer)
      theirs = Math.min(
        theirs,
        batch(() => peer.run(request)),
      );
  }
  const round = (value: number) => Math.round(value * 10) / 10;
  emit({
    name: `waf ${request.name}`,
    unit: 'us',
    ours: round(ours),
    peer: peer ? round(theirs) : null,
    peerName: peer?.name ?? null,
    ratio: peer ? Math.round((ours / theirs) * 10_000) / 10_000 : null,
  });
}

async function run(emit: (measurement: Measurement) => void): Promise<void> {
  const missing = [rulesFolder, requestFile].find((path) => !existsSync(path));
  if (missing !== undefined) {
    console.error(
      `waf: skipped, no ${missing} (rules: go mod download github.com/corazawaf/coraza-coreruleset/v4@v4.25.0, or PALISADE_CRS4)`,
    );
    return;
  }
  const files = [join(rulesFolder, '../@crs-setup.conf.example'), ...globSync(join(rulesFolder, '*.conf')).sort()].filter((file) =>
    existsSync(file),
  );
  const start = performance.now();
  const engine = loadEngine({ before: directives, files });
  emit({ name: 'waf load', unit: 'ms', ours: Math.round(performance.now() - start), peer: null, peerName: null, ratio: null });
  const peer = openPeer(directives, files);
  if (!peer) console.error('waf: libmodsecurity is not to be had (PyPI wheel, PALISADE_LIBMODSECURITY); measured without a peer');
  for (const request of readRequests()) measure(engine, peer, request, emit);
  peer?.close();
  emit({ name: 'waf rss', unit: 'MB', ours: Math.round(process.memoryUsage.rss() / 1e6), peer: null, peerName: null, ratio: null });
}

export const benches: Bench[] = [{ name: 'waf', run }];
