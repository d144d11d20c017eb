/** Connected proxies and what they are sent: compiled from the newest snapshot, in whole, after a short pause for more changes. */
import { type Credential, compileProxy, type MeshSnapshot, type ProxyConfig, type Workload } from '@palisade/mesh/traffic';
import { TypeUrl } from '@palisade/xds';
import { ClusterSchema } from '@palisade/xds/api/envoy/config/cluster/v3/cluster';
import { ClusterLoadAssignmentSchema } from '@palisade/xds/api/envoy/config/endpoint/v3/endpoint';
import { ListenerSchema } from '@palisade/xds/api/envoy/config/listener/v3/listener';
import { RouteConfigurationSchema } from '@palisade/xds/api/envoy/config/route/v3/route';
import { type Secret, SecretSchema } from '@palisade/xds/api/envoy/extensions/transport_sockets/tls/v3/secret';
import { type ProxyConnection, type ResourceSnapshot, type VersionedResource, versioned } from '@palisade/xds/server';
import type { ProxyIdentity } from './token.ts';

/** @param secrets a gateway's credentials; undefined for a proxy that may have none */
export function toResources(config: ProxyConfig, secrets?: readonly Secret[]): ResourceSnapshot {
  const named = <T>(items: readonly T[], name: (item: T) => string, version: (item: T) => VersionedResource) =>
    new Map(items.map((item) => [name(item), version(item)]));
  return new Map([
    [
      TypeUrl.cluster as string,
      named(
        config.clusters,
        (each) => each.name,
        (each) => versioned(ClusterSchema, each),
      ),
    ],
    [
      TypeUrl.clusterLoadAssignment,
      named(
        config.endpoints,
        (each) => each.clusterName,
        (each) => versioned(ClusterLoadAssignmentSchema, each),
      ),
    ],
    [
      TypeUrl.listener,
      named(
        config.listeners,
        (each) => each.name,
        (each) => versioned(ListenerSchema, each),
      ),
    ],
    [
      TypeUrl.routeConfiguration,
      named(
        config.routes,
        (each) => each.name,
        (each) => versioned(RouteConfigurationSchema, each),
      ),
    ],
    ...(secrets === undefined
      ? []
      : [
          [
            TypeUrl.secret,
            named(
              secrets,
              (each) => each.name,
              (each) => versioned(SecretSchema, each),
            ),
          ] as const,
        ]),
  ]);
}

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

/** Istio's PILOT_DEBOUNCE_AFTER. */
const debounceMs = 100;

export function createPushes({ snapshot, workloadOf, secretsFor, later, log }: PushOptions): Pushes {
  const connections = new Set<ProxyConnection<ProxyIdentity>>();
  let isScheduled = false;
  const told = new Map<string, string>();
  const warn = (workload: string, warnings: readonly string[]) => {
    const text = warnings.join('; ');
    if (text !== (told.get(workload) ?? '')) log(`${workload}: ${text === '' ? 'nothing is ignored any more' : text}`);
    told.set(workload, text);
  };
  const push = (connection: ProxyConnection<ProxyIdentity>, current: MeshSnapshot) => {
    const workload = workloadOf(connection.identity);
    // Not yet known: the change that makes it known schedules a push.
    if (workload === undefined) return;
    try {
      const config = compileProxy(current, workload);
      connection.push(toResources(config, workload.isGateway ? secretsFor(workload, config.credentials) : undefined));
      warn(`${workload.namespace}/${workload.name}`, config.warnings);
    } catch (error) {
      log(`${connection.node.id} keeps what it has: ${(error as Error).stack}`);
    }
  };
  return {
    connections,
    add(connection) {
      connections.add(connection);
      push(connection, snapshot());
      return () => connections.delete(connection);
    },
    schedule() {
      if (isScheduled) return;
      isScheduled = true;
      later(() => {
        isScheduled = false;
        if (connections.size === 0) return;
        const current = snapshot();
        for (const connection of connections) push(connection, current);
      }, debounceMs);
    },
  };
}
