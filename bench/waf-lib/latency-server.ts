/** A server behind the WAF, in a process of its own: `latency-server.ts JOB`, with the job as JSON. Says its port on a line. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BodyWorker, loadEngine, waf } from '@palisade/waf';
import type { ServerJob } from './latency.ts';

const { directives, files, hasWorker } = JSON.parse(process.argv[2]!) as ServerJob;
const source = { before: directives, files };
const bodyWorker = hasWorker ? new BodyWorker(source) : undefined;
if ((await bodyWorker?.ready()) === false) throw new Error('The thread for long bodies failed');
const middleware = waf({ engine: loadEngine(source), ...(bodyWorker ? { bodyWorker } : {}) });
const server = createServer((request, response) => middleware(request, response, () => response.end('ok')));
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
