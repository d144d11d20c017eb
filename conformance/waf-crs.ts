/** The Core Rule Set's regression tests, through the real middleware on a real socket. */
import { existsSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { type Engine, loadEngine, renderMatch, type TransactionResult, waf } from '@palisade/waf';
import { type CaseResult, noData, type Suite } from './suite.ts';
import { type CrsStage, readCrsCases, renderRequest } from './waf-crs-cases.ts';
import { crs3Rules, crs4Missing, crs4Rules, crsSettings } from './waf-lib/rule-sets.ts';

interface Reply {
  readonly status: number;
  readonly result: TransactionResult | undefined;
}

/** Echo server as the response rules' tests expect: POST /reflect answers what the body describes. */
function application(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const path = (request.url ?? '').split('?')[0];
    let wanted: { status?: number; headers?: Record<string, string>; body?: string; encodedBody?: string } = {};
    if (path === '/reflect') {
      try {
        wanted = JSON.parse(Buffer.concat(chunks).toString('utf8'));
      } catch {
        wanted = { status: 400 };
      }
    }
    const body = wanted.encodedBody ? Buffer.from(wanted.encodedBody, 'base64') : Buffer.from(wanted.body ?? '', 'utf8');
    response.writeHead(wanted.status ?? 200, { 'Content-Type': 'text/plain', ...wanted.headers, 'Content-Length': body.length });
    response.end(body);
  });
}

async function withServer<T>(engine: Engine, use: (send: (stage: CrsStage) => Promise<Reply>) => Promise<T>): Promise<T> {
  const results = new Map<number, TransactionResult>();
  const waiting = new Map<number, (result: TransactionResult) => void>();
  const middleware = waf({
    engine,
    onResult: (result, request) => {
      const port = request.socket.remotePort ?? Number((request as { port?: number }).port);
      waiting.get(port)?.(result);
      results.set(port, result);
    },
  });
  const server = createServer({ keepAliveTimeout: 1 }, (request, response) => {
    Object.assign(request, { port: request.socket.remotePort });
    middleware(request, response, () => application(request, response));
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const { port } = server.address() as AddressInfo;
  const send = (stage: CrsStage): Promise<Reply> =>
    new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1');
      let text = '';
      socket.setTimeout(3000, () => socket.destroy());
      socket.on('connect', () => {
        results.delete(socket.localPort!);
        socket.write(Buffer.from(renderRequest(stage), 'latin1'));
        const own = socket.localPort!;
        socket.on('close', () => {
          const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0);
          const done = results.get(own);
          const isRefused = status === 0 || (status === 400 && text.startsWith('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'));
          if (done || isRefused) resolve({ status, result: done });
          else {
            const timer = setTimeout(() => resolve({ status, result: undefined }), 300);
            waiting.set(own, (result) => {
              clearTimeout(timer);
              waiting.delete(own);
              resolve({ status, result });
            });
          }
        });
      });
      socket.on('data', (chunk) => {
        text += chunk.toString('latin1');
        // A pipelined or kept connection is not needed once the head of the answer is here.
        if (/^HTTP\/1\.1 \d{3}[\s\S]*\r\n\r\n/.test(text)) socket.end();
      });
      socket.on('error', () => {});
    });
  try {
    return await use(send);
  } finally {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  }
}

/** For requests that node:http refuses before any middleware: the same bytes, through the engine's API. */
function throughApi(engine: Engine, stage: CrsStage): TransactionResult {
  const raw = renderRequest(stage);
  const end = raw.search(/\r?\n\r?\n/);
  const head = end < 0 ? raw : raw.slice(0, end);
  const [requestLine = '', ...lines] = head.split(/\r?\n/);
  const [method = '', ...rest] = requestLine.split(' ');
  // A request line without a version is HTTP/0.9 (RFC 9112 appendix C.1.1).
  const protocol = rest.length > 1 && rest.at(-1) !== '' ? rest.pop()! : 'HTTP/0.9';
  const headers = lines.map((line) => [line.split(':')[0]!, line.slice(line.indexOf(':') + 1).trim()] as const);
  const transaction = engine.transaction({
    id: 'api',
    now: Date.now,
    connection: { clientAddress: '127.0.0.1', clientPort: 1, serverAddress: '127.0.0.1', serverPort: 80 },
  });
  transaction.requestHeaders({ method, uri: rest.join(' '), protocol, headers });
  transaction.requestBodyChunk(Buffer.from(end < 0 ? '' : raw.slice(end).replace(/^\r?\n\r?\n/, ''), 'latin1'));
  transaction.requestBody();
  return transaction.finish();
}

function judge(stage: CrsStage, status: number, result: TransactionResult): string | undefined {
  const logged = result.matched.filter((rule) => rule.isLogged);
  const ids = new Set(logged.map((rule) => rule.id));
  const matches = logged
    .flatMap((rule) => rule.variables.map((match) => renderMatch(rule, match, { uri: '', hostname: '', uniqueId: result.id })))
    .join('\n');
  const log = `${result.bodyError ?? ''}\n${matches}`;
  const missing = stage.wantedIds.filter((id) => !ids.has(id));
  const extra = stage.unwantedIds.filter((id) => ids.has(id));
  if (missing.length > 0) return `rules ${missing.join()} did not fire (${[...ids].join()} did)`;
  if (extra.length > 0) return `rules ${extra.join()} fired`;
  for (const pattern of stage.wantedLog) if (!new RegExp(pattern).test(log)) return `log lacks ${pattern} (${[...ids].join()} fired)`;
  for (const pattern of stage.unwantedLog) if (new RegExp(pattern).test(log)) return `log holds ${pattern}`;
  if (stage.statuses.length > 0 && !stage.statuses.includes(status)) return `status ${status}, wanted ${stage.statuses.join(' or ')}`;
  return undefined;
}

async function runCase(
  engine: Engine,
  stages: readonly CrsStage[],
  send: (stage: CrsStage) => Promise<Reply>,
): Promise<{ problem: string | undefined; isRefused: boolean }> {
  let isRefused = false;
  for (const stage of stages) {
    const reply = await send(stage);
    if (!reply.result) isRefused = true;
    // A request that node:http refuses reaches no application: only rules that must fire are asked of the engine.
    if (!reply.result && stage.wantedIds.length + stage.wantedLog.length === 0) continue;
    const problem = reply.result
      ? judge(stage, reply.status, reply.result)
      : judge({ ...stage, statuses: [] }, reply.status, throughApi(engine, stage));
    if (problem !== undefined) return { problem, isRefused };
  }
  return { problem: undefined, isRefused };
}

const IN_FLIGHT = 4;

function crsSuite(name: string, version: string, rules: () => readonly string[], missing: string): Suite {
  return {
    name,
    async run(dataDir) {
      const folder = join(dataDir, 'waf/crs-tests', version);
      if (!existsSync(folder)) return [{ name: 'data', status: 'skip', detail: noData(folder) }];
      const files = rules();
      const absent = files.map((file) => file.replace(/\/\*.*$/, '')).find((file) => !existsSync(file));
      if (absent !== undefined) return [{ name: 'rules', status: 'skip', detail: `no ${absent}: ${missing}` }];
      const engine = loadEngine({ before: crsSettings, files });
      const cases = readCrsCases(folder);
      return await withServer(engine, async (send) => {
        const results: CaseResult[] = new Array(cases.length);
        let next = 0;
        const work = async (): Promise<void> => {
          for (let index = next++; index < cases.length; index = next++) {
            const { name: caseName, stages } = cases[index]!;
            const { problem, isRefused } = await runCase(engine, stages, send);
            const note = isRefused ? 'refused earlier by node:http, judged through the API' : undefined;
            results[index] =
              problem === undefined
                ? { name: caseName, status: 'pass', ...(note ? { detail: note } : {}) }
                : { name: caseName, status: 'fail', detail: note ? `${problem}; ${note}` : problem };
          }
        };
        await Promise.all(Array.from({ length: IN_FLIGHT }, work));
        return results;
      });
    },
  };
}

export const suites: Suite[] = [
  crsSuite('crs', 'v4.25.0', crs4Rules, crs4Missing),
  crsSuite('crs3', 'v3.3.4', crs3Rules, 'run `npm run setup` or set PALISADE_CRS3'),
];
