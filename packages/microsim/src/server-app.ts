/** microsimserver: answers every GET and POST with random text, counts, and names the attacks it was sent. */
import type { Server } from 'node:net';
import { detectAttacks } from './detect.ts';
import { readServerConfig, type ServerConfig } from './environment.ts';
import type { Host } from './host.ts';
import { listen, type Request, type Response } from './http/listen.ts';
import { asctime, logTime, pythonJson, randomText } from './python-text.ts';
import { createStatistics, SERVER_COUNTERS, type ServerCounter, type Statistics } from './statistics.ts';
import { listenForStatistics } from './stats-page.ts';

export interface RunningServer {
  readonly server: Server;
  readonly statsServer: Server | undefined;
  close(): void;
}

/** Refuses a bad environment with ConfigurationError and a taken port with the system's error. */
export async function startServer(host: Host): Promise<RunningServer> {
  const config = readServerConfig(host.env, host.random);
  const startSeconds = Math.floor(host.now().getTime() / 1000);
  const report = await statsdReport(config, host, 'all_servers', 'server');
  const statistics = createStatistics(SERVER_COUNTERS, startSeconds, report);
  const server = await listen(config.listenPort, (request) => answer(request, config, host, statistics), host.now);
  const statsServer =
    config.statsPort === undefined
      ? undefined
      : await listenForStatistics(config.statsPort, host, startSeconds, () => ({ stats: statistics.total, config: config.shown }));
  const stop = config.stopSeconds === 0 ? undefined : setTimeout(() => host.exit(stopMessage(config)), config.totalStopSeconds * 1000);
  return {
    server,
    statsServer,
    close() {
      clearTimeout(stop);
      server.close();
      statsServer?.close();
    },
  };
}

export function stopMessage(config: { readonly totalStopSeconds: number }): string {
  return `Server killed after ${config.totalStopSeconds} seconds.`;
}

/** The sender of the two prefixes' counters; the UDP module is loaded only when it is used. */
export async function statsdReport(config: { statsdHost: string | undefined; statsdPort: number }, host: Host, all: string, own: string) {
  if (config.statsdHost === undefined) return () => {};
  const { createStatsdSender } = await import('./statsd.ts');
  return createStatsdSender(config.statsdHost, config.statsdPort, [all, `${own}-${host.name}`]);
}

function answer(request: Request, config: ServerConfig, host: Host, statistics: Statistics<ServerCounter>): Response | undefined {
  if (request.method !== 'GET' && request.method !== 'POST') return undefined;
  const response = request.method === 'GET' ? page(request, config, host) : document(request, config, host);
  const received = request.method === 'POST' ? { 'Received Bytes': request.bodyBytes } : {};
  statistics.add({ Requests: 1, 'Sent Bytes': response.body.length, ...received });
  for (const attack of detectAttacks(request.target)) {
    host.print(`${logTime(host.now())}   ${attack} attack detected`);
    statistics.add({ Attacks: 1, [attack]: 1 });
  }
  const line = statistics.takeLine(Math.floor(host.now().getTime() / 1000));
  if (line !== undefined) host.print(line);
  return response;
}

function page(request: Request, config: ServerConfig, host: Host): Response {
  const info = [
    asctime(host.now()),
    `hostname: ${host.name}`,
    `ip: ${host.ip}`,
    `remote: ${request.remote}`,
    `hostheader: ${request.headers.get('host') ?? 'None'}`,
    `path: ${request.target}`,
  ];
  return { status: 200, type: 'text/html', body: `${randomText(config.respondBytes, host.random)}\n${info.join('   ')}\n` };
}

function document(request: Request, config: ServerConfig, host: Host): Response {
  const body = pythonJson({
    data: randomText(config.respondBytes, host.random),
    time: asctime(host.now()),
    hostname: host.name,
    ip: host.ip,
    remote: request.remote,
    hostheader: request.headers.get('host') ?? null,
    path: request.target,
  });
  return { status: 200, type: 'application/json', body };
}
