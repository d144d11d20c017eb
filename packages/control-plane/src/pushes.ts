/** Connected proxies and what they are sent: after a short pause for more changes, those whose configuration is another than before. */
import { type Credential, compileProxy, createMemo, type MeshSnapshot, type ProxyConfig, type Workload } from '@palisade/mesh/traffic';
import type { Secret } from '@palisade/xds/api/envoy/extensions/transport_sockets/tls/v3/secret';
import type { ProxyConnection } from '@palisade/xds/server';
import { toResources } from './resources.ts';
import type { ProxyIdentity } from './token.ts';

export interface Pushes {
  add(connection: ProxyConnection<ProxyIdentity>): () => void;
  /** Something changed. */
  schedule(): void;
  readonly connections: ReadonlySet<ProxyConnection<ProxyIdentity>>;
}

export interface PushOptions {
  snapshot(): MeshSnapshot;
  /** undefined while the API does not show the pod or its address yet. */
  workloadOf(identity: ProxyIdentity): Workload | undefined;
  secretsFor(workload: Workload, wanted: readonly Credential[]): Secret[];
  /** Runs `action` after the pause. */
  later(action: () => void, ms: number): void;
  log(message: string): void;
}

/** The first change after a calm goes out almost at once, with what comes along with it. */
const firstMs = 5;
/** The next ones go together after a pause; while more keep coming, what there is goes out this often. As long without any is a calm. */
const pauseMs = 25;
const longestMs = 250;

export function createPushes({ snapshot, workloadOf, secretsFor, later, log }: PushOptions): Pushes {
  const connections = new Set<ProxyConnection<ProxyIdentity>>();
  const kept = createMemo();
  const pushed = new WeakMap<ProxyConnection<ProxyIdentity>, ProxyConfig>();
  const told = new Map<string, string>();
  const warn = (workload: string, warnings: readonly string[]) => {
    const text = warnings.join('; ');
    if (text !== (told.get(workload) ?? '')) log(`${workload}: ${text === '' ? 'nothing is ignored any more' : text}`);
    if (text === '') told.delete(workload);
    else told.set(workload, text);
  };
  const push = (connection: ProxyConnection<ProxyIdentity>, current: MeshSnapshot) => {
    const workload = workloadOf(connection.identity);
    // Not yet known: the change that makes it known schedules a push.
    if (workload === undefined) return;
    try {
      const config = compileProxy(current, workload, kept.memo);
      const secrets = workload.isGateway ? secretsFor(workload, config.credentials) : undefined;
      if (secrets === undefined && pushed.get(connection) === config) return;
      connection.push(toResources(config, secrets));
      pushed.set(connection, config);
      warn(`${workload.namespace}/${workload.name}`, config.warnings);
    } catch (error) {
      log(`${connection.node.id} keeps what it has: ${(error as Error).stack}`);
    }
  };
  const pushAll = () => {
    if (connections.size === 0) return;
    const current = snapshot();
    for (const connection of connections) push(connection, current);
    kept.sweep();
  };
  let changes = 0;
  let isCalm = true;
  let flushes = 0;
  const flush = () => {
    changes = 0;
    isCalm = false;
    const own = ++flushes;
    later(() => {
      if (own === flushes) isCalm = true;
    }, longestMs);
    pushAll();
  };
  const wait = (seen: number, waitedMs: number) =>
    later(() => {
      if (changes === seen || waitedMs >= longestMs) flush();
      else wait(changes, waitedMs + pauseMs);
    }, pauseMs);
  return {
    connections,
    add(connection) {
      connections.add(connection);
      push(connection, snapshot());
      return () => connections.delete(connection);
    },
    schedule() {
      changes++;
      if (changes > 1) return;
      if (isCalm) later(flush, firstMs);
      else wait(changes, pauseMs);
    },
  };
}
