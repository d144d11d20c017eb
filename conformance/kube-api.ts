/**
 * The embedded API server beside the real one: the same requests and kubectl calls, answers compared once times, uids and the like are
 * taken out. Where kube-apiserver is built (`node scripts/setup/kube-apiserver.mjs`) and KUBE_API_LIVE is set it is asked at the same
 * time; else its recorded answers stand for it (`kube-api-lib/recorded`, written by `kube-api-lib/record.ts`).
 */
import { spawnSync } from 'node:child_process';
import { firstDifference, withSortedCauses } from './kube-api-lib/compare.ts';
import { startEmbedded } from './kube-api-lib/embedded.ts';
import { startHooks } from './kube-api-lib/hooks.ts';
import { startReal } from './kube-api-lib/real.ts';
import { readRecording } from './kube-api-lib/recording.ts';
import { noAnswer, runTopic } from './kube-api-lib/run.ts';
import type { Answer } from './kube-api-lib/topic.ts';
import { topics } from './kube-api-lib/topics.ts';
import type { CaseResult, Suite } from './suite.ts';

async function* run(): AsyncIterable<CaseResult> {
  if (spawnSync('kubectl', ['version', '--client']).status !== 0) {
    yield { name: 'kubectl', status: 'skip', detail: 'kubectl does not run here: npm run setup fetches it' };
    return;
  }
  await using ours = await startEmbedded();
  await using hooks = await startHooks(ours.pki);
  await using real = process.env['KUBE_API_LIVE'] ? await startReal(ours) : undefined;
  if (real === undefined) console.log('  kube-api: recorded answers of kube-apiserver are used (KUBE_API_LIVE=1 asks the real one)');
  for (const topic of topics) {
    const [answers, wanted] = await Promise.all([
      runTopic(ours, topic, hooks.variables),
      real === undefined ? readRecording(topic) : runTopic(real, topic, hooks.variables),
    ]);
    for (const { name, inAnyOrder } of topic.checks) {
      const comparable = inAnyOrder ? withSortedCauses : (answer: Answer | undefined) => answer;
      const own = answers.get(name);
      // Ours always answers, also where the real one does not.
      const difference = own?.code === noAnswer ? own.err : firstDifference(comparable(own), comparable(wanted.get(name)));
      yield { name: `${topic.name}: ${name}`, ...(difference === undefined ? { status: 'pass' } : { status: 'fail', detail: difference }) };
    }
  }
}

export const suites: Suite[] = [{ name: 'kube-api', run }];
