import { type Expectation, expectAttacksBlocked, expectAttacksLand, expectReach, minimumAttacks, type ReachOutcome } from './expect.ts';
import { type AttackPlan, type Attacks, measureAttacks, measureReach, type Reach } from './measure.ts';
import type { Shell } from './shell.ts';

/** What the story needs from outside. */
export interface Stage {
  readonly shell: Shell;
  readonly say: (text: string) => void;
  readonly progress: (text: string) => void;
  /** Flows since the scene began, as `palisade flows` prints them. */
  readonly droppedFlows: () => Promise<string[]>;
}

/** One step of the story: something changes, then the same questions are asked again. */
export interface Scene {
  readonly title: string;
  readonly why: string;
  readonly prepare: (stage: Stage) => Promise<void>;
  /** Who reaches what: `db:8080` a service, `pod/db` the address of one of its pods. Every caller tries every target. */
  readonly reach: readonly (readonly [from: string, to: string, outcome: ReachOutcome])[];
  readonly attack: Pick<AttackPlan, 'attacker' | 'victims'> & { readonly outcome: 'lands' | 'is blocked' };
  /** A policy that `palisade flows` must name for drops of this caller. */
  readonly dropped?: readonly [from: string, policy: string];
}

export interface SceneResult {
  readonly title: string;
  readonly reach: readonly Reach[];
  readonly attacks: readonly Attacks[];
  readonly expectations: readonly Expectation[];
}

const attackTimeoutMs = 90_000;
const settlingAttempts = 10;

export async function playScene(scene: Scene, stage: Stage): Promise<SceneResult> {
  const { shell, progress } = stage;
  await scene.prepare(stage);
  const callers = [...new Set(scene.reach.map(([from]) => from))];
  const names = [...new Set(scene.reach.map(([, to]) => to))];
  const places = new Map(await Promise.all(names.map(async (name) => [name, await placeOf(shell, name)] as const)));
  const urls = [...places.values()].map((place) => `http://${place}`);
  const measure = async () => {
    const reach = await measureReach(shell, callers, urls);
    return { reach, expected: scene.reach.map(([from, to, outcome]) => expectReach(reach, from, places.get(to)!, outcome)) };
  };
  let measured = await measure();
  // What was applied a moment ago is on its way to nodes and proxies.
  for (let again = 0; again < settlingAttempts && measured.expected.some(({ held }) => !held); again++) measured = await measure();
  const { outcome, ...plan } = scene.attack;
  const attacks = await measureAttacks(shell, { ...plan, atLeast: minimumAttacks, timeoutMs: attackTimeoutMs }, progress);
  return {
    title: scene.title,
    reach: measured.reach,
    attacks,
    expectations: [
      ...(outcome === 'lands' ? expectAttacksLand(attacks) : expectAttacksBlocked(attacks)),
      ...measured.expected,
      ...(scene.dropped === undefined ? [] : [await expectDropsNamed(stage, ...scene.dropped)]),
    ],
  };
}

async function placeOf(shell: Shell, name: string): Promise<string> {
  const app = /^pod\/(.*)$/.exec(name)?.[1];
  if (app === undefined) return name;
  const result = await shell.run('kubectl', 'get', 'pods', '-l', `app=${app}`, '-o', 'jsonpath={.items[0].status.podIP}');
  return `${result.stdout.trim()}:8080`;
}

async function expectDropsNamed(stage: Stage, from: string, policy: string): Promise<Expectation> {
  const lines = await stage.droppedFlows();
  const found = lines.filter((line) => line.includes(from) && line.includes(policy));
  for (const line of found.slice(0, 2)) stage.say(`  dropped: ${line}`);
  return { text: `"palisade flows --verdict DROPPED" names ${policy} for ${from} (${found.length} records)`, held: found.length > 0 };
}
