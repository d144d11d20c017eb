/** The statistics document on STATS_PORT: any GET, JSON with an indent of 2. */
import type { Server } from 'node:net';
import type { Host } from './host.ts';
import { listen } from './http/listen.ts';
import { asctime, type PythonValue, pythonJson } from './python-text.ts';

/** @param sections stats, config and what is added after them */
export function listenForStatistics(
  port: number,
  host: Host,
  startSeconds: number,
  sections: () => { readonly [key: string]: PythonValue },
): Promise<Server> {
  return listen(
    port,
    (request) => {
      if (request.method !== 'GET') return undefined;
      const now = host.now();
      const runtime = Math.floor(now.getTime() / 1000 - startSeconds);
      const page = { time: asctime(now), runtime, hostname: host.name, ip: host.ip, ...sections() };
      return { status: 200, type: 'application/json', body: pythonJson(page, 2) };
    },
    host.now,
  );
}
