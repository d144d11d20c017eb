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
  /** Counted by the victim's own statistics. */
  readonly landed: number;
}

const curlTimeoutSeconds = 3;

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

/** Waits until every victim was attacked `atLeast` times since the call, then tells what became of them. */
export async function measureAttacks(shell: Shell, plan: AttackPlan, progress: (text: string) => void): Promise<Attacks[]> {
  const before = await countAttacks(shell, plan);
  const deadline = Date.now() + plan.timeoutMs;
  for (;;) {
    await sleep(1000);
    const now = await countAttacks(shell, plan);
    const since = now.map((count, index) => difference(count, before[index]!));
    progress(since.map(({ victim, sent }) => `${victim} ${sent}`).join(', '));
    if (since.every(({ sent }) => sent >= plan.atLeast) || Date.now() > deadline) return since;
  }
}

function difference(now: Attacks, before: Attacks): Attacks {
  return { victim: now.victim, sent: now.sent - before.sent, blocked: now.blocked - before.blocked, landed: now.landed - before.landed };
}

async function countAttacks(shell: Shell, plan: AttackPlan): Promise<Attacks[]> {
  // What landed is read first: an attack under way may then count as sent and not yet as landed, never the other way round.
  const landed = await Promise.all(
    plan.victims.map(async ({ deployment }) => sum(await stats(shell, deployment, 'microsimserver', 5000), (s) => s.stats?.['SQLi'] ?? 0)),
  );
  const clients = await stats(shell, plan.attacker, 'microsimclient', 5001);
  return plan.victims.map(({ service }, index) => ({
    victim: service,
    sent: sum(clients, (client) => attacksOn(client, service).sent),
    blocked: sum(clients, (client) => attacksOn(client, service).blocked),
    landed: landed[index]!,
  }));
}

interface StatsDocument {
  stats?: Record<string, number>;
  /** Added by our client: what became of the attacks, by victim URL (packages/microsim, scoreboard). */
  attacks?: { Victims: Record<string, { Attacks: { Sent: number; Blocked: number; Landed: number; Failed: number } }> };
}

function attacksOn(client: StatsDocument, service: string): { sent: number; blocked: number } {
  for (const [url, victim] of Object.entries(client.attacks?.Victims ?? {})) {
    if (new URL(url).hostname.split('.')[0] === service) return { sent: victim.Attacks.Sent, blocked: victim.Attacks.Blocked };
  }
  return { sent: 0, blocked: 0 };
}

async function stats(shell: Shell, deployment: string, container: string, port: number): Promise<StatsDocument[]> {
  const pods = await shell.run(
    'kubectl',
    'get',
    'pods',
    '-l',
    `app=${deployment}`,
    '-o',
    'name',
    '--field-selector',
    'status.phase=Running',
  );
  const names = pods.stdout.trim().split('\n').filter(Boolean);
  return Promise.all(
    names.map(async (pod) => {
      const result = await shell.run('kubectl', 'exec', pod, '-c', container, '--', 'curl', '-s', '-m', '3', `http://127.0.0.1:${port}/`);
      return result.code === 0 ? (JSON.parse(result.stdout) as StatsDocument) : {};
    }),
  );
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
