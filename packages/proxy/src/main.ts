/** `main.ts -c BOOTSTRAP`: one proxy process. */
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { create } from '@bufbuild/protobuf';
import { NodeSchema } from '@palisade/xds/api/envoy/config/core/v3/base';
import { startAdmin } from './admin/admin.ts';
import { adminAddress, readBootstrap, staticResources } from './config/bootstrap.ts';
import { DataPlane } from './proxy.ts';
import { ProxyError } from './proxy-error.ts';
import { runAdsClient } from './xds/ads-client.ts';
import { adsTransport } from './xds/transport.ts';

// A policy's expression meets subjects that strangers choose: V8 leaves backtracking for its linear engine when it runs away.
setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');

const file = process.argv[process.argv.indexOf('-c') + 1];
if (file === undefined || !process.argv.includes('-c')) {
  console.error('usage: main.ts -c BOOTSTRAP (Envoy bootstrap, JSON, or YAML in a file named .yaml)');
  process.exit(2);
}
/** How long connections may stay open after SIGTERM; without any the process ends at once. */
const drainMs = 5000;
/** For the logs to be written. */
const closeMs = 1000;

try {
  const bootstrap = await readBootstrap(file);
  const proxy = new DataPlane();
  const fixed = staticResources(bootstrap);
  const refused = await proxy.apply(fixed);
  // As Envoy: what is in the bootstrap stands from the beginning, or nothing does.
  if (refused.length > 0) throw new ProxyError('bad-config', refused.map(({ reason }) => reason).join('; '));
  const transport = adsTransport(bootstrap);
  const stopped = new AbortController();
  let isServing = transport === undefined;
  if (transport !== undefined) {
    const node = bootstrap.node ?? create(NodeSchema);
    const onNack = (typeUrl: string, reason: string) => console.error(`refused ${typeUrl}: ${reason}`);
    const onServing = () => {
      isServing = true;
    };
    void runAdsClient({ transport, node, plane: proxy, signal: stopped.signal, onNack, onServing });
  }
  const admin = adminAddress(bootstrap);
  const stop = async () => {
    stopped.abort();
    await Promise.race([proxy.drain(), sleep(drainMs)]);
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    proxy.close(resolve);
    await Promise.race([closed, sleep(closeMs)]);
    process.exit(0);
  };
  if (admin !== undefined) await startAdmin(proxy, admin, stop, { bootstrap, isServing: () => isServing });
  process.on('SIGTERM', stop);
  process.on('SIGINT', () => process.exit(130));
} catch (error) {
  console.error((error as Error).message);
  process.exit(1);
}
