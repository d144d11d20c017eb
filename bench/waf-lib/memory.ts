/** A million requests in a process of its own, without any peer: prints resident memory as JSON. */
import { loadEngine } from '@palisade/waf';
import { directivesFor, readRequests, ruleFiles, runOurs } from './requests.ts';

const REQUESTS = 1_000_000;
const SAMPLES = 40;

const engine = loadEngine({ before: directivesFor(1), files: ruleFiles() });
const loadedMb = process.memoryUsage.rss() / 1e6;
const requests = readRequests();
const named = (name: string) => requests.find((request) => request.name === name)!;
const get = named('get');
/** One in so many requests is of the kind; the rest are GETs that differ in their arguments and, now and then, their headers. */
const rarer = [
  [100, named('form')],
  [25, named('sqli')],
  [20, named('get+response')],
  [10, named('json')],
] as const;

const samples: number[] = [];
for (let i = 1; i <= REQUESTS; i++) {
  const other = rarer.find(([each]) => i % each === 0)?.[1];
  const headers = i % 7 === 0 ? [...get.headers, ['X-Request-Id', `${i}-${(i * 2_654_435_761) % 4_294_967_296}`] as const] : get.headers;
  runOurs(engine, other ?? { ...get, uri: `/catalog/items?page=${i}&sort=price${i % 1000}`, headers });
  // Servers breathe between requests: without a turn of the loop nothing that waits for one is ever freed.
  if (i % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
  if (i % (REQUESTS / SAMPLES) === 0) samples.push(process.memoryUsage.rss() / 1e6);
}
console.log(JSON.stringify({ loadedMb, samples }));
