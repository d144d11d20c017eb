/** microsimclient: requests, attacks and egress in a loop; every action runs on its own, as the original's threads do. */
import type { Server } from 'node:net';
import { attackUrl, identifyBlocker, judgeAnswer, type RequestAttack } from './attacks.ts';
import { type AttackKind, type ClientConfig, readClientConfig } from './environment.ts';
import type { Host } from './host.ts';
import { type FetchRequest, type FetchResponse, fetchOnce } from './http/fetch.ts';
import { GENERATED_NAMES, MALWARE_URL, MIRROR_URLS } from './outside-names.ts';
import { logTime, pythonJson, randomText } from './python-text.ts';
import { readReach, refuseAddress } from './reachable.ts';
import { createScoreboard, type Scoreboard } from './scoreboard.ts';
import { statsdReport, stopMessage } from './server-app.ts';
import { CLIENT_COUNTERS, type ClientCounter, createStatistics, type Statistics } from './statistics.ts';
import { listenForStatistics } from './stats-page.ts';

export interface RunningClient {
  readonly statsServer: Server | undefined;
  readonly statistics: Statistics<ClientCounter>;
  readonly scoreboard: Scoreboard;
  close(): void;
}

const timeoutMs = 3000;
/** Actions under way at once; the loop waits when a slow victim fills them. */
const maxInFlight = 64;

interface Context {
  readonly config: ClientConfig;
  readonly host: Host;
  readonly statistics: Statistics<ClientCounter>;
  readonly scoreboard: Scoreboard;
  fetch(request: FetchRequest): Promise<FetchResponse>;
  log(text: string): void;
}

/** Refuses a bad environment with ConfigurationError and a taken statistics port with the system's error. */
export async function startClient(host: Host): Promise<RunningClient> {
  const config = readClientConfig(host.env, host.random);
  const startSeconds = Math.floor(host.now().getTime() / 1000);
  const statistics = createStatistics(CLIENT_COUNTERS, startSeconds, await statsdReport(config, host, 'all_clients', 'client'));
  const scoreboard = createScoreboard(config.urls);
  const reach = readReach(host.env);
  const resolve = async (name: string) => {
    const address = await host.lookup(name);
    const refusal = refuseAddress(address, reach);
    if (refusal !== undefined) throw new Error(refusal);
    return address;
  };
  const context: Context = {
    config,
    host,
    statistics,
    scoreboard,
    fetch: (request) => fetchOnce(request, { resolve, timeoutMs }),
    log: (text) => host.print(`${logTime(host.now())}   ${text}`),
  };
  const sections = () => ({ stats: statistics.total, config: config.shown, attacks: scoreboard.render() });
  const statsServer =
    config.statsPort === undefined ? undefined : await listenForStatistics(config.statsPort, host, startSeconds, sections);
  const stop = new AbortController();
  void loop(context, startSeconds, reach === 'loopback', stop.signal);
  return {
    statsServer,
    statistics,
    scoreboard,
    close() {
      stop.abort();
      statsServer?.close();
    },
  };
}

async function loop(context: Context, startSeconds: number, isOutside: boolean, signal: AbortSignal) {
  const { config, host, statistics } = context;
  const underWay = new Set<Promise<void>>();
  const run = (action: Promise<void>) => {
    const tracked = action.finally(() => underWay.delete(tracked));
    underWay.add(tracked);
  };
  while (!signal.aborted) {
    const seconds = Math.floor(host.now().getTime() / 1000);
    if (config.stopSeconds !== 0 && startSeconds + config.totalStopSeconds < seconds) return host.exit(stopMessage(config));
    const line = statistics.takeLine(seconds);
    if (line !== undefined) host.print(line);
    for (const action of decideRound(config, host.random)) run(perform(action, context, isOutside));
    await pause(config.waitSeconds * 1000, signal);
    if (underWay.size >= maxInFlight) await Promise.race(underWay);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}

export type Action =
  | { readonly type: 'request'; readonly url: string }
  | { readonly type: 'skip' }
  | { readonly type: 'internet'; readonly url: string }
  | { readonly type: 'attack'; readonly kind: RequestAttack; readonly url: string }
  | { readonly type: 'malware' }
  | { readonly type: 'dga'; readonly name: string };

/** One turn of the loop: at most one request, one visit to a mirror and one attack. */
export function decideRound(config: ClientConfig, random: () => number): Action[] {
  const actions: Action[] = [];
  const choose = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)]!;
  actions.push(random() < config.requestProbability ? { type: 'request', url: choose(config.urls) } : { type: 'skip' });
  if (config.isInternetEnabled && random() < config.egressProbability) actions.push({ type: 'internet', url: choose(MIRROR_URLS) });
  if (config.attacks.length > 0 && random() < config.attackProbability) {
    const kind: AttackKind = choose(config.attacks);
    if (kind === 'DGA') actions.push({ type: 'dga', name: choose(GENERATED_NAMES) });
    else if (kind === 'Malware') actions.push({ type: 'malware' });
    else actions.push({ type: 'attack', kind, url: choose(config.urls) });
  }
  return actions;
}

async function perform(action: Action, context: Context, isOutside: boolean): Promise<void> {
  if (action.type === 'skip') return context.log('Skipped internal request this run.');
  const target = 'url' in action ? action.url : action.type === 'dga' ? action.name : MALWARE_URL;
  try {
    if (isOutside && (action.type === 'internet' || action.type === 'malware' || action.type === 'dga')) {
      throw new Error('not asked outside a pod (MICROSIM_ALLOW_HOST=1 allows it):');
    }
    if (action.type === 'request') await sendRequest(action.url, context);
    else if (action.type === 'attack') await sendAttack(action.kind, action.url, context);
    else if (action.type === 'internet') await visitMirror(action.url, context);
    else if (action.type === 'malware') await fetchMalware(context);
    else await queryName(action.name, context);
  } catch (error) {
    if (action.type === 'request') context.scoreboard.request(action.url, 'failed');
    if (action.type === 'attack') context.scoreboard.attack(action.url, action.kind, 'failed');
    context.log(`${(error as Error).message} error ${action.type === 'dga' ? 'resolving' : 'to'}: ${target}`);
    context.statistics.add({ Error: 1 });
  }
}

async function sendRequest(victim: string, context: Context) {
  const url = new URL(victim).href;
  const body = pythonJson({ data: randomText(context.config.requestBytes, context.host.random) });
  const response = await context.fetch({ method: 'POST', url, body });
  context.log(`Request to ${url}   Request size: ${body.length}   Response size: ${response.body.length}`);
  context.statistics.add({ Requests: 1, 'Sent Bytes': body.length, 'Received Bytes': response.body.length });
  context.scoreboard.request(victim, judgeAnswer(response.status));
}

async function sendAttack(kind: RequestAttack, victim: string, context: Context) {
  const url = attackUrl(kind, victim);
  const response = await context.fetch({ method: 'GET', url });
  context.log(`${kind} sent: ${url}`);
  context.statistics.add({ Attacks: 1, [kind]: 1 });
  const outcome = judgeAnswer(response.status);
  const blockedBy = outcome === 'blocked' ? identifyBlocker(response.headers, response.body.toString('utf8')) : undefined;
  context.scoreboard.attack(victim, kind, outcome, blockedBy);
  context.log(`${kind} ${outcome}: ${victim}   Status: ${response.status}${blockedBy === undefined ? '' : `   By: ${blockedBy}`}`);
}

async function visitMirror(url: string, context: Context) {
  await context.fetch({ method: 'GET', url });
  context.log(`Internet request to: ${url}`);
  context.statistics.add({ 'Internet Requests': 1 });
}

async function fetchMalware(context: Context) {
  const response = await context.fetch({ method: 'GET', url: MALWARE_URL });
  context.log(`Malware downloaded: ${response.body.toString('utf8').slice(0, 200)}`);
  context.statistics.add({ Attacks: 1, Malware: 1 });
}

async function queryName(name: string, context: Context) {
  const address = await context.host.lookup(name);
  context.log(`DGA query sent: ${name}   Response: ${address}`);
  context.statistics.add({ Attacks: 1, DGA: 1 });
}
