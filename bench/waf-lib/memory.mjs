/**
 * A million requests in a process of its own, on the published form of the package: run from source, a third of the memory
 * would be the compiler's. The job comes as JSON on standard input; resident memory goes out as JSON, in megabytes.
 */
import { readFileSync } from 'node:fs';

const { entry, directives, files, requests } = JSON.parse(readFileSync(0, 'utf8'));
const { loadEngine } = await import(entry);

const REQUESTS = 1_000_000;
const SAMPLES = 40;
const rss = () => process.memoryUsage.rss() / 1e6;
const connection = { clientAddress: '192.0.2.1', clientPort: 40000, serverAddress: '192.0.2.2', serverPort: 80 };

const startMb = rss();
const engine = loadEngine({ before: directives, files });
const loadedMb = rss();

function run(request) {
  const transaction = engine.transaction({ id: 'bench', now: () => 1_000_000_000_000, connection });
  const { method, uri, headers, body, response } = request;
  const stopped = transaction.requestHeaders({ method, uri, protocol: 'HTTP/1.1', headers });
  if (!stopped && body !== '') transaction.requestBodyChunk(Buffer.from(body, 'base64'));
  if (!stopped && !transaction.requestBody() && response !== '') {
    transaction.responseHeaders({ status: 200, protocol: 'HTTP/1.1', headers: [['Content-Type', 'text/html; charset=utf-8']] });
    transaction.responseBodyChunk(Buffer.from(response, 'base64'));
    transaction.responseBody();
  }
  transaction.finish();
}

const named = (name) => requests.find((request) => request.name === name);
const get = named('get');
/** One in so many requests is of the kind; the rest are GETs that differ in their arguments and, now and then, their headers. */
const rarer = [
  [100, named('form')],
  [25, named('sqli')],
  [20, named('get+response')],
  [10, named('json')],
];

const samples = [];
for (let i = 1; i <= REQUESTS; i++) {
  const other = rarer.find(([each]) => i % each === 0)?.[1];
  const headers = i % 7 === 0 ? [...get.headers, ['X-Request-Id', `${i}-${(i * 2_654_435_761) % 4_294_967_296}`]] : get.headers;
  run(other ?? { ...get, uri: `/catalog/items?page=${i}&sort=price${i % 1000}`, headers });
  // Servers breathe between requests: without a turn of the loop nothing that waits for one is ever freed.
  if (i % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
  if (i % (REQUESTS / SAMPLES) === 0) samples.push(rss());
}
console.log(JSON.stringify({ startMb, loadedMb, samples }));
