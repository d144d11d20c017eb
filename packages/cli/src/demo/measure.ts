import { setTimeout as sleep } from 'node:timers/promises';
import type { Shell } from './shell.ts';

/** One attempt to connect, as the caller saw it. */
export interface Reach {
  readonly from: string;
  readonly to: string;
  /** HTTP status, or how the connection failed. */
  readonly outcome: number | 'timed out' | 'refused' | 'unknown name' | 'failed';
}

/** Attacks one victim got, counted at both ends. */
export interface Attacks {
  readonly victim: string;
  readonly sent: number;
  /** Answered 403 on the way. */
  readonly blocked: number;
  /** No answer in time, or a 5xx of something on the way: neither one nor the other. */
  readonly unanswered: number;
  /** Counted by the victim's own statistics. */
  readonly landed: number;
}

const curlTimeoutSeconds = 3;
/** Of the statistics, a second apart: as long as a pod may take to end. */
const maxReads = 30;

/** Every caller tries every address at the same time, with curl inside its own container. */
export async function measureReach(shell: Shell, from: readonly string[], to: readonly string[]): Promise<Reach[]> {
  const attempts = from.flatMap((caller) => to.map((url) => ({ caller, url })));
  return Promise.all(attempts.map(({ caller, url }) => reach(shell, caller, url)));
}

async function reach(shell: Shell, caller: string, url: string): Promise<Reach> {
  const curl = ['curl', '-s', '-o', '/dev/null', '-m', String(curlTimeoutSeconds), '-w', '%{http_code} %{exitcode}', url];
  const result = await shell.run('kubectl', 'exec', `deploy/${caller}`, '-c', 'microsimserver', '--', ...curl);
  const [status, code] = result.stdout.trim().split(' ').map(Number);
  const outcome = code === 0 && status ? status : ({ 28: 'timed out', 7: 'refused', 6: 'unknown name' } as const)[code ?? -1];
  return { from: caller, to: url.replace('http://', ''), outcome: outcome ?? 'failed' };
}

export interface AttackPlan {
  /** Deployment whose pods run the attacking client. */
  readonly attacker: string;
  /** Deployments that count what landed; their Services' names are in the client's URLs as `service`. */
  readonly victims: readonly { readonly deployment: string; readonly service: string }[];
  readonly atLeast: number;
  readonly timeoutMs: number;
}

type Counts = Readonly<Record<'sent' | 'blocked' | 'unanswered' | 'landed', number>>;

/**
 * Waits until every victim was attacked `atLeast` times since the call and it is known what became of so many, then tells. An attacker
 * counts an attack when it has its answer, a victim when it comes in. So attackers are asked first at the beginning and last at the end:
 * what landed in between was sent in between, and one whose answer is still under way is waited for.
 */
export async function measureAttacks(shell: Shell, plan: AttackPlan, progress: (text: string) => void): Promise<Attacks[]> {
  const sentBefore = await countSent(shell, plan);
  const landedBefore = await countLanded(shell, plan);
  const deadline = Date.now() + plan.timeoutMs;
  for (;;) {
    await sleep(1000);
    const landedNow = await countLanded(shell, plan);
    const sentNow = await countSent(shell, plan);
    const since = plan.victims.map(({ service }, index) => ({
      victim: service,
      sent: sentNow[index]!.sent - sentBefore[index]!.sent,
      blocked: sentNow[index]!.blocked - sentBefore[index]!.blocked,
      unanswered: sentNow[index]!.unanswered - sentBefore[index]!.unanswered,
      landed: landedNow[index]! - landedBefore[index]!,
    }));
    progress(since.map(({ victim, sent }) => `${victim} ${sent}`).join(', '));
    if (since.every((counts) => isWhole(counts, plan.atLeast)) || Date.now() > deadline) return since;
  }
}

function isWhole({ sent, blocked, landed }: Counts, atLeast: number): boolean {
  return blocked + landed >= atLeast && blocked + landed <= sent;
}

function countLanded(shell: Shell, { victims }: AttackPlan): Promise<number[]> {
  return Promise.all(
    victims.map(async ({ deployment }) => sum(await stats(shell, deployment, 'microsimserver', 5000), (s) => s.stats?.['SQLi'] ?? 0)),
  );
}

async function countSent(shell: Shell, { attacker, victims }: AttackPlan): Promise<Omit<Counts, 'landed'>[]> {
  const clients = await stats(shell, attacker, 'microsimclient', 5001);
  return victims.map(({ service }) => ({
    sent: sum(clients, (client) => attacksOn(client, service).sent),
    blocked: sum(clients, (client) => attacksOn(client, service).blocked),
    unanswered: sum(clients, (client) => attacksOn(client, service).unanswered),
  }));
}

interface StatsDocument {
  stats?: Record<string, number>;
  /** Added by our client: what became of the attacks, by victim URL (packages/microsim, scoreboard). */
  attacks?: { Victims: Record<string, { Attacks: { Sent: number; Blocked: number; Landed: number; Failed: number } }> };
}

function attacksOn(client: StatsDocument, service: string): Omit<Counts, 'landed'> {
  for (const [url, victim] of Object.entries(client.attacks?.Victims ?? {})) {
    if (new URL(url).hostname.split('.')[0] === service) {
      const { Sent: sent, Blocked: blocked, Failed: unanswered } = victim.Attacks;
      return { sent, blocked, unanswered };
    }
  }
  return { sent: 0, blocked: 0, unanswered: 0 };
}

/** Of every running pod. A pod that does not answer is asked again (one that ends leaves the list): silence is no zero. */
async function stats(shell: Shell, deployment: string, container: string, port: number): Promise<StatsDocument[]> {
  for (let attempt = 1; ; attempt++) {
    const select = ['-l', `app=${deployment}`, '--field-selector', 'status.phase=Running', '-o', 'name'];
    const pods = await shell.run('kubectl', 'get', 'pods', ...select);
    const names = pods.stdout.trim().split('\n').filter(Boolean);
    const curl = ['curl', '-s', '-m', '3', `http://127.0.0.1:${port}/`];
    const answers = await Promise.all(names.map((pod) => shell.run('kubectl', 'exec', pod, '-c', container, '--', ...curl)));
    const silent = [pods, ...answers].find(({ code }) => code !== 0);
    if (silent === undefined) return answers.map(({ stdout }) => JSON.parse(stdout) as StatsDocument);
    if (attempt === maxReads) throw new Error(`Cannot read the statistics of deployment/${deployment}: ${silent.stderr.trim()}`);
    await sleep(1000);
  }
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
