/** Entry of the control plane's process, in a pod (service account) or beside a cluster (KUBECONFIG). */
import { randomBytes } from 'node:crypto';
import { homedir, hostname } from 'node:os';
import { createHttpClient, inClusterAccess, loadKubeconfig } from '@palisade/kubernetes/client';
import { startControlPlane } from './server.ts';

const env = process.env;
const lifetime = new AbortController();
const access = inClusterAccess(env) ?? loadKubeconfig(env['KUBECONFIG'] ?? `${homedir()}/.kube/config`);
const controlPlane = await startControlPlane({
  client: createHttpClient(access, { userAgent: 'istiod' }),
  namespace: env['POD_NAMESPACE'] ?? 'istio-system',
  edges: { now: () => new Date(), randomBytes: (size) => randomBytes(size) },
  signal: lifetime.signal,
  log: (message) => console.log(`${new Date().toISOString()} ${message}`),
  ports: { discovery: 15_012, webhook: 15_017, monitoring: 8080, debug: 15_014 },
  name: env['POD_NAME'] ?? hostname(),
  dataplane: env['PALISADE_DATAPLANE'] === 'envoy' ? 'envoy' : 'palisade',
});
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    lifetime.abort();
    void controlPlane.close().finally(() => process.exit(0));
    setTimeout(() => process.exit(0), 3000).unref();
  });
}
process.on('unhandledRejection', (reason) => console.error(`unhandled: ${reason instanceof Error ? reason.stack : String(reason)}`));
