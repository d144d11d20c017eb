/** Writes down what the real API server answers: `node conformance/kube-api-lib/record.ts [topic…]`. */
import { startEmbedded } from './embedded.ts';
import { startHooks } from './hooks.ts';
import { startReal } from './real.ts';
import { writeRecording } from './recording.ts';
import { runTopic } from './run.ts';
import { topics } from './topics.ts';

const wanted = process.argv.slice(2);
await using ours = await startEmbedded();
await using real = await startReal(ours);
if (real === undefined) throw new Error('kube-apiserver is not built: run "node scripts/setup/kube-apiserver.mjs"');
await using hooks = await startHooks(ours.pki);
for (const topic of topics) {
  const answers = await runTopic(real, topic, hooks.variables);
  if (wanted.length === 0 || wanted.includes(topic.name)) writeRecording(topic, answers);
}
