/** A story beside the main one, in namespaces of its own: it plays at the same time, and is told when that one has ended. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Expectation } from '../expect.ts';
import type { SceneResult } from '../scene.ts';
import { createShell, type Shell } from '../shell.ts';

export interface ChapterStage {
  readonly shell: Shell;
  readonly say: (text: string) => void;
  /** Stops waiting when the demo does. */
  readonly signal: AbortSignal;
  /** Folder of the clone. */
  readonly root: string;
  /** The `palisade` command itself: its words after the program's name. */
  palisade(...words: string[]): Promise<string>;
}

export interface Chapter {
  readonly title: string;
  readonly why: string;
  /** Why it cannot be played on this machine. */
  readonly missing?: string;
  play(stage: ChapterStage): Promise<readonly Expectation[]>;
}

export interface PlayedChapter {
  readonly lines: readonly string[];
  readonly result: SceneResult;
  readonly transcript: Shell['transcript'];
}

const settlingMs = 40_000;

/** What was applied a moment ago is on its way: asks again until the answer is the expected one, or the time is over. */
export async function expectAnswer(
  { say, signal }: ChapterStage,
  text: string,
  expected: RegExp,
  ask: () => Promise<string>,
): Promise<Expectation> {
  const deadline = Date.now() + settlingMs;
  for (;;) {
    const answer = (await ask()).trim().replaceAll(/\s+/g, ' ');
    const held = expected.test(answer);
    if (held || Date.now() > deadline || signal.aborted) {
      say(`  ${text}: ${answer.length > 160 ? `${answer.slice(0, 80)} … ${answer.slice(-70)}` : answer || 'no answer'}`);
      return { text: `${text} (${answer.slice(-20) || 'no answer'})`, held };
    }
    await sleep(500);
  }
}

/** `BODY STATUS` of one request with curl inside a container; 000 = no answer. */
export async function curlFrom({ shell }: ChapterStage, container: readonly string[], ...args: string[]): Promise<string> {
  const curl = ['curl', '-s', '-m', '5', '-w', ' %{http_code}', ...args];
  return (await shell.run('kubectl', 'exec', ...container, '--', ...curl)).stdout.replaceAll('\n', '').trim();
}

/** @throws Error when it does not become ready */
export async function rolledOut({ shell }: ChapterStage, namespace: string, ...names: readonly string[]): Promise<void> {
  for (const name of names) {
    const wait = ['rollout', 'status', '-n', namespace, `deployment/${name}`, '--timeout=180s'];
    const { code, stderr } = await shell.run('kubectl', ...wait);
    if (code !== 0) throw new Error(`deployment/${name} of ${namespace} did not become ready: ${stderr.trim()}`);
  }
}

/** A chapter that fails in the middle is a story that did not hold, not the end of the demo. */
export async function playChapter(
  chapter: Chapter,
  env: NodeJS.ProcessEnv,
  root: string,
  palisade: readonly string[],
  signal: AbortSignal,
): Promise<PlayedChapter> {
  const lines: string[] = [];
  const say = (line: string) => void lines.push(line);
  const shell = createShell(env, root, say);
  const told = (expectations: readonly Expectation[]): PlayedChapter => ({
    lines,
    result: { title: chapter.title, reach: [], attacks: [], expectations },
    transcript: shell.transcript,
  });
  if (chapter.missing !== undefined) {
    say(`  not played: ${chapter.missing}`);
    return told([]);
  }
  const run = async (...words: string[]) => {
    const { stdout, stderr } = await shell.run(...palisade, ...words);
    return `${stdout}${stderr}`;
  };
  try {
    return told(await chapter.play({ shell, say, signal, root, palisade: run }));
  } catch (error) {
    return told([{ text: (error as Error).message, held: false }]);
  }
}
