/** The recorded answers are those of the real server, asked now. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { findKubeApiServer } from '../scripts/setup/kube-apiserver.mjs';
import expected from './expected.json' with { type: 'json' };
import { firstDifference } from './kube-api-lib/compare.ts';
import { startEmbedded } from './kube-api-lib/embedded.ts';
import { startHooks } from './kube-api-lib/hooks.ts';
import { startReal } from './kube-api-lib/real.ts';
import { readRecording } from './kube-api-lib/recording.ts';
import { runTopic } from './kube-api-lib/run.ts';
import { topics } from './kube-api-lib/topics.ts';

/** What the real server answers by its surroundings, not by what it is. */
const excepted = new Set(expected['kube-api'].exceptions.map((exception) => exception.case));

const skip = findKubeApiServer() === undefined && 'kube-apiserver is not built: "node scripts/setup/kube-apiserver.mjs" builds it';

describe('kube-apiserver answers as recorded', { skip, timeout: 1_200_000 }, async () => {
  test('every topic', async () => {
    await using ours = await startEmbedded();
    await using hooks = await startHooks(ours.pki);
    await using real = await startReal(ours);
    for (const topic of topics) {
      const answers = await runTopic(real!, topic, hooks.variables);
      const recorded = readRecording(topic);
      const differences = topic.checks
        .filter(({ name }) => !excepted.has(`${topic.name}: ${name}`))
        .map(({ name }) => [name, firstDifference(answers.get(name), recorded.get(name))] as const);
      assert.deepEqual(
        differences.filter(([, difference]) => difference !== undefined),
        [],
        topic.name,
      );
    }
  });
});
