/** `main.ts -c BOOTSTRAP`: one proxy process. */
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { startAdmin } from './admin/admin.ts';
import { adminAddress, parseBootstrap, staticResources } from './config/bootstrap.ts';
import { DataPlane } from './proxy.ts';

// A policy's expression meets subjects that strangers choose: V8 leaves backtracking for its linear engine when it runs away.
setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');

const file = process.argv[process.argv.indexOf('-c') + 1];
if (file === undefined || !process.argv.includes('-c')) {
  console.error('usage: main.ts -c BOOTSTRAP (Envoy bootstrap, JSON or YAML)');
  process.exit(2);
}
/** How long requests under way may take after SIGTERM. */
const drainMs = 5000;

try {
  const bootstrap = parseBootstrap(readFileSync(file, 'utf8'), file);
  const proxy = new DataPlane();
  await proxy.apply(staticResources(bootstrap));
  const admin = adminAddress(bootstrap);
  const stop = () => {
    proxy.drain(true);
    setTimeout(() => {
      proxy.close();
      process.exit(0);
    }, drainMs).unref();
  };
  if (admin !== undefined) await startAdmin(proxy, admin, stop);
  process.on('SIGTERM', stop);
  process.on('SIGINT', () => process.exit(130));
} catch (error) {
  console.error((error as Error).message);
  process.exit(1);
}
