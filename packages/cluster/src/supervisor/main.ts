/** Entry of the supervisor process. Argument: the SupervisorConfig as JSON. Descriptor 3: one line when ready. */
import { closeSync, writeFileSync, writeSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import type { Cluster } from './cluster.ts';
import type { ReadyMessage, SupervisorConfig } from './state.ts';

const readyPipe = 3;
const stopGraceMs = 4000;

const config = JSON.parse(process.argv[2] ?? '') as SupervisorConfig;
enableCompileCache(join(config.cacheDir, 'compile-cache'));
const log = (level: string, message: string) => console.log(`${new Date().toISOString()} ${level} ${message}`);

const cluster = await start();
const ready: ReadyMessage = {
  ready: true,
  server: cluster.server,
  kubeconfig: cluster.kubeconfig,
  readyMs: Math.round(performance.timeOrigin + performance.now() - config.launchedAt),
};
writeFileSync(join(config.stateDir, 'ready.json'), JSON.stringify(ready));
writeSync(readyPipe, `${JSON.stringify(ready)}\n`);
closeSync(readyPipe);

async function start(): Promise<Cluster> {
  try {
    const { startCluster } = await import('./cluster.ts');
    return await startCluster(config, log);
  } catch (error) {
    log('error', error instanceof Error ? (error.stack ?? error.message) : String(error));
    writeSync(readyPipe, `${JSON.stringify({ ready: false, error: error instanceof Error ? error.message : String(error) })}\n`);
    process.exit(1);
  }
}

let stopping = false;
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => process.exit(0), stopGraceMs).unref();
    void cluster.close().finally(() => process.exit(0));
  });
}
// One part's forgotten promise or socket must not take every pod with it; it is written down and the rest goes on.
for (const event of ['unhandledRejection', 'uncaughtException'] as const) {
  process.on(event, (reason: unknown) => log('error', `${event}: ${reason instanceof Error ? reason.stack : String(reason)}`));
}
