/** The agent of a pod: certificates, configuration and telemetry for the proxy that it starts. */
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { FlowRecord } from '@palisade/flow';
import { openCall } from '@palisade/xds/grpc';
import { joinAnchors, watchAnchors } from './anchors.ts';
import { appProbeRoutes } from './app-probe.ts';
import { ports, renderBootstrap } from './bootstrap.ts';
import { keepCertificate, readGraceRatio, readTtl, requestCertificate, type WorkloadSecrets } from './certificates.ts';
import { createEscapeWatch } from './escape-watch.ts';
import { createPeerDirectory } from './peers.ts';
import { createReadiness } from './readiness.ts';
import { aggregated, createAgentSocket } from './socket.ts';
import { createStatusServer, statusPort } from './status.ts';
import { createTelemetry } from './telemetry/index.ts';
import { createUpstream } from './upstream.ts';

const env = process.env;
/** What lasts that long is worth a record. */
const escapeLookMs = 2000;
let proxyPid: number | undefined;

export async function runProxy(): Promise<void> {
  const folder = env['PALISADE_RUN_DIR'] ?? '/tmp/istio-proxy';
  const socketPath = join(folder, 'agent.sock');
  const bootstrapPath = join(folder, 'bootstrap.json');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  rmSync(socketPath, { force: true });
  const workload = { namespace: need('POD_NAMESPACE'), name: need('POD_NAME'), serviceAccount: env['SERVICE_ACCOUNT'] || 'default' };
  const access = {
    address: need('CA_ADDR'),
    anchorsFile: '/var/run/secrets/istio/root-cert.pem',
    tokenFile: '/var/run/secrets/tokens/istio-token',
  };
  const id = {
    trustDomain: env['TRUST_DOMAIN'] ?? 'cluster.local',
    namespace: workload.namespace,
    serviceAccount: workload.serviceAccount,
  };
  const upstream = createUpstream(access);
  const nodeIdOf = (role: string) =>
    `${role}~${env['INSTANCE_IP'] ?? ''}~${workload.name}.${workload.namespace}~${workload.namespace}.svc.cluster.local`;
  const later = (action: () => void, ms: number) => void setTimeout(action, ms);
  const peers = createPeerDirectory({
    nodeId: nodeIdOf('agent'),
    open: (events) => openCall(upstream.session(), `${aggregated}DeltaAggregatedResources`, upstream.headers(), events),
    later,
  });
  const telemetry = createTelemetry({
    pod: workload,
    peers,
    workload: {
      name: env['ISTIO_META_WORKLOAD_NAME'] || workload.name,
      namespace: workload.namespace,
      service: env['CANONICAL_SERVICE'],
      revision: env['CANONICAL_REVISION'],
    },
    flowLogPath: env['PALISADE_FLOW_LOG'],
    adminPort: ports.admin,
    now: Date.now,
  });
  const agent = createAgentSocket(upstream, telemetry.methods);
  await new Promise<void>((resolve) => agent.server.listen(socketPath, resolve));
  let hasCertificate = false;
  createReadiness(() => hasCertificate).listen(ports.ready, '::');
  const probes = appProbeRoutes(env['ISTIO_KUBE_APP_PROBERS'], appPlace(env['INSTANCE_IP'] ?? ''));
  createStatusServer(new Map([...probes, ['/stats/prometheus', telemetry.scrape]])).listen(statusPort, '::');
  // Said for people and logs: what a pod is, the control plane reads from the API.
  const role = process.argv[3] === 'router' ? 'router' : 'sidecar';
  writeFileSync(bootstrapPath, JSON.stringify(renderBootstrap({ nodeId: nodeIdOf(role), socketPath, workload })));
  let current: WorkloadSecrets | undefined;
  let bundle = '';
  const serve = () => current && agent.setSecrets({ ...current, anchorsPem: joinAnchors(bundle, current.anchorsPem) });
  watchAnchors({ read: () => readFileSync(access.anchorsFile, 'utf8'), every: (action, ms) => void setInterval(action, ms) }, (text) => {
    bundle = text;
    serve();
  });
  // Inline, that user leads nowhere.
  if (env['PALISADE_INTERCEPTION'] !== 'inline') watchEscapes(workload, telemetry.addFlow);
  const ttlSeconds = readTtl(env['SECRET_TTL']);
  const graceRatio = readGraceRatio(env['SECRET_GRACE_PERIOD_RATIO']);
  keepCertificate(
    () => requestCertificate(access, id, ttlSeconds),
    {
      now: () => new Date(),
      random: Math.random,
      later,
      log: (message) => console.log(message),
    },
    (secrets) => {
      current = secrets;
      serve();
      if (!hasCertificate) startProxy(bootstrapPath);
      hasCertificate = true;
    },
    graceRatio,
  );
}

function watchEscapes(pod: { namespace: string; name: string }, addFlow: (flow: FlowRecord) => void): void {
  const look = createEscapeWatch(process.getuid!(), pod, {
    readTables: () => ['tcp', 'tcp6'].map((name) => readFileSync(`/proc/net/${name}`, 'utf8')).join('\n'),
    ownSockets: () => new Set([process.pid, ...(proxyPid === undefined ? [] : [proxyPid])].flatMap(socketsOf)),
    now: () => new Date(),
  });
  setInterval(() => {
    try {
      for (const flow of look()) addFlow(flow);
    } catch (error) {
      console.error(`escapes are not watched: ${(error as Error).message}`);
    }
  }, escapeLookMs);
}

function socketsOf(pid: number): number[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).flatMap((fd) => {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(join(folder, fd)))?.[1];
      return inode === undefined ? [] : [Number(inode)];
    } catch {
      // Closed since.
      return [];
    }
  });
}

function startProxy(bootstrapPath: string): void {
  const command = (env['PALISADE_PROXY_COMMAND'] ?? '').split(' ').filter((word) => word !== '');
  if (command.length === 0) throw new Error('PALISADE_PROXY_COMMAND is not set: expected the proxy’s program');
  const child = spawn(command[0]!, [...command.slice(1), '-c', bootstrapPath], { stdio: ['ignore', 'inherit', 'inherit'] });
  proxyPid = child.pid;
  // Without its proxy the container has no purpose: the kubelet starts it again.
  child.on('exit', (code) => process.exit(code ?? 1));
  child.on('error', (error) => {
    console.error(`the proxy cannot be started: ${error.message}`);
    process.exit(1);
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => child.kill(signal));
}

/**
 * Where the agent's own connections to the application come from, so that they pass: an address that the redirection exempts, or the
 * proxy's on the inner link. A pod that is to stand in line and does not must not run: nothing would be intercepted.
 */
function appPlace(address: string) {
  const family = address.includes(':') ? 'ipv6' : 'ipv4';
  if (env['PALISADE_INTERCEPTION'] !== 'inline') return { address, source: { ipv4: '127.0.0.6', ipv6: '::6' }[family] };
  const source = { ipv4: '169.254.1.2', ipv6: 'fd00:a9fe::2' }[family];
  if (!networkInterfaces()['app']?.some((each) => each.address === source)) {
    console.error(`interception is "inline" and there is no interface "app" with ${source}: this node cannot put a proxy in line`);
    process.exit(1);
  }
  return { address, source };
}

function need(name: string): string {
  const value = env[name];
  if (value) return value;
  console.error(`${name} is not set`);
  process.exit(2);
}
