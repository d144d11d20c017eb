/** The other side of BodyWorker: the same rules, one body at a time. */
import { parentPort, workerData } from 'node:worker_threads';
import type { BodyAnswer, BodyQuestion, WorkerRules } from './body-worker.ts';
import { fingerprintOf } from './body-worker.ts';
import { loadEngine } from './files.ts';

const { source, options } = workerData as WorkerRules;
const engine = loadEngine(source, options);
const fingerprint = fingerprintOf(engine);

parentPort!.postMessage('ready');
parentPort!.on('message', ({ serial, nowMs, id, connection, request }: BodyQuestion) => {
  const transaction = engine.transaction({ id, connection, now: () => nowMs });
  transaction.importRequest(request);
  transaction.requestBody();
  parentPort!.postMessage({ serial, fingerprint, state: transaction.exportRequest().state } satisfies BodyAnswer);
});
