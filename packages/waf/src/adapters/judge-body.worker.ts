/** The other side of BodyWorker: the same rules, one body at a time. */
import { parentPort, workerData } from 'node:worker_threads';
import type { CollectionStore } from '../engine/transaction/collections.ts';
import type { BodyAnswer, BodyQuestion, WorkerRules } from './body-worker.ts';
import { fingerprintOf } from './body-worker.ts';
import { loadEngine } from './files.ts';

const { source, options } = workerData as WorkerRules;
let isStoreWanted = false;
/** Collections live in the first thread; those initialised there come with the request. */
const store: CollectionStore = {
  load() {
    isStoreWanted = true;
    return [];
  },
  save() {},
};
const engine = loadEngine(source, { ...options, store });

parentPort!.postMessage(fingerprintOf(engine.ruleSet));
parentPort!.on('message', ({ serial, nowMs, id, connection, request }: BodyQuestion) => {
  isStoreWanted = false;
  const transaction = engine.transaction({ id, connection, now: () => nowMs });
  transaction.importRequest(request);
  transaction.requestBody();
  const state = isStoreWanted ? undefined : transaction.exportRequest().state;
  parentPort!.postMessage({ serial, state } satisfies BodyAnswer);
});
