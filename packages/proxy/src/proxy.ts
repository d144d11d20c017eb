/** The data plane of one workload: resources in, sockets out. Every resource is compiled before anything of it is used. */
import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:net';
import { create } from '@bufbuild/protobuf';
import type { Cluster as ClusterConfig } from '@palisade/xds/api/envoy/config/cluster/v3/cluster';
import { type ClusterLoadAssignment, ClusterLoadAssignmentSchema } from '@palisade/xds/api/envoy/config/endpoint/v3/endpoint';
import type { Listener as ListenerConfig } from '@palisade/xds/api/envoy/config/listener/v3/listener';
import type { RouteConfiguration } from '@palisade/xds/api/envoy/config/route/v3/route';
import type { Secret } from '@palisade/xds/api/envoy/extensions/transport_sockets/tls/v3/secret';
import { Cells } from './cells.ts';
import { Cluster } from './cluster/cluster.ts';
import { readEndpoints } from './cluster/endpoints.ts';
import { type CompiledListener, compileListener, type ListenerPlace } from './listener/listener.ts';
import { serveConnection } from './listener/serve.ts';
import { LogSinks } from './log/sinks.ts';
import { buffering } from './net/outlet.ts';
import { isAboutContent, ProxyError } from './proxy-error.ts';
import { compileRoutes, type RouteTable } from './route/table.ts';
import type { Runtime } from './runtime.ts';
import { Stats } from './stats/stats.ts';
import { Sweeper } from './sweeper.ts';
import { readSecret, type SecretContent } from './tls/secret.ts';

/** Resources that change together. What is absent stays as it is; `removed*` names what goes. */
export interface Update {
  readonly secrets?: readonly Secret[];
  readonly clusters?: readonly ClusterConfig[];
  readonly endpoints?: readonly ClusterLoadAssignment[];
  readonly routes?: readonly RouteConfiguration[];
  readonly listeners?: readonly ListenerConfig[];
  readonly removedClusters?: readonly string[];
  readonly removedEndpoints?: readonly string[];
  readonly removedListeners?: readonly string[];
  readonly removedSecrets?: readonly string[];
  readonly removedRoutes?: readonly string[];
}

/** A resource that stays as it was, since a certificate or a file that it names cannot be used. */
export interface Refused {
  readonly name: string;
  readonly reason: string;
}

export interface ProxyEdges {
  readonly now?: () => number;
  readonly random?: () => number;
}

interface Bound {
  listener: CompiledListener | undefined;
  servers: Server[];
  readonly place: ListenerPlace;
}

export class DataPlane {
  readonly runtime: Runtime;
  readonly #listeners = new Map<string, Bound>();
  readonly #assignments = new Map<string, ClusterLoadAssignment>();
  /** Listening, or with a connection still open. */
  readonly #servers = new Set<Server>();

  constructor({ now = Date.now, random = Math.random }: ProxyEdges = {}) {
    const stats = new Stats();
    const clock = () => performance.now();
    const clusters = new Cells<Cluster>();
    this.runtime = {
      now,
      clock,
      random,
      uuid: randomUUID,
      stats,
      clusters,
      routes: new Cells<RouteTable>(),
      secrets: new Cells<SecretContent>(),
      logs: new LogSinks({ stats, clusters, clock }),
      sweeper: new Sweeper(clock),
      drain: { isDraining: false },
    };
  }

  get listeners(): CompiledListener[] {
    return [...this.#listeners.values()].flatMap((bound) => (bound.listener === undefined ? [] : [bound.listener]));
  }

  /** Where a listener really listens: port 0 in its configuration means any. */
  addressOf(listener: string): { address: string; port: number } | undefined {
    const address = this.#listeners.get(listener)?.servers[0]?.address();
    return typeof address === 'object' && address !== null ? address : undefined;
  }

  /**
   * Compiles everything, then swaps: configuration changes whole or not at all, but for resources that name content which cannot be used.
   *
   * @returns what stayed as it was, alone; empty: nothing
   * @throws ProxyError what is wrong; nothing has changed then
   */
  async apply(update: Update): Promise<readonly Refused[]> {
    const { runtime } = this;
    const refused: Refused[] = [];
    const secrets = compileEach(update.secrets, (secret) => ({ name: secret.name, content: readSecret(secret) }), refused);
    const clusters = compileEach(update.clusters, (config) => new Cluster(config, runtime), refused);
    for (const assignment of update.endpoints ?? []) readEndpoints(assignment, [], undefined);
    const routes = (update.routes ?? []).map((config) => compileRoutes(config, runtime.clusters));
    const listeners = compileEach(update.listeners, (config) => compileListener(config, runtime), refused);
    const bound = await this.#bind(listeners);

    for (const { name, content } of secrets) runtime.secrets.at(name).current = content;
    for (const name of update.removedSecrets ?? []) runtime.secrets.at(name).current = undefined;
    for (const assignment of update.endpoints ?? []) this.#assignments.set(assignment.clusterName, assignment);
    for (const cluster of clusters) this.#placeCluster(cluster);
    const gone = (update.removedEndpoints ?? []).filter((name) => this.#assignments.delete(name));
    this.#placeEndpoints([...(update.endpoints ?? []), ...gone.map((clusterName) => create(ClusterLoadAssignmentSchema, { clusterName }))]);
    for (const table of routes) runtime.routes.at(table.config.name).current = table;
    for (const name of update.removedRoutes ?? []) runtime.routes.at(name).current = undefined;
    for (const { listener, servers } of bound) this.#placeListener(listener, servers);
    for (const name of update.removedListeners ?? []) this.#removeListener(name);
    for (const name of update.removedClusters ?? []) {
      const cell = runtime.clusters.at(name);
      cell.current?.retire();
      cell.current = undefined;
    }
    return refused;
  }

  #placeCluster(cluster: Cluster): void {
    const cell = this.runtime.clusters.at(cluster.name);
    const assignment = cluster.endpointsName === undefined ? undefined : this.#assignments.get(cluster.endpointsName);
    if (assignment !== undefined) cluster.setEndpoints(assignment);
    const before = cell.current;
    cell.current = cluster;
    before?.retire();
  }

  #placeEndpoints(assignments: readonly ClusterLoadAssignment[]): void {
    for (const cluster of this.runtime.clusters.filled()) {
      const assignment = assignments.find((one) => one.clusterName === cluster.endpointsName);
      if (assignment !== undefined) cluster.setEndpoints(assignment);
    }
  }

  /** Ports are bound before the swap: an address that cannot be had refuses the update. */
  async #bind(listeners: readonly CompiledListener[]): Promise<{ listener: CompiledListener; servers: Server[] }[]> {
    const made: { listener: CompiledListener; servers: Server[] }[] = [];
    try {
      for (const listener of listeners) {
        const before = this.#listeners.get(listener.name);
        const isSame = before?.listener !== undefined && JSON.stringify(before.listener.addresses) === JSON.stringify(listener.addresses);
        const servers: Server[] = [];
        made.push({ listener, servers });
        if (isSame && before !== undefined && before.listener?.bindsToPort === listener.bindsToPort) servers.push(...before.servers);
        else if (listener.bindsToPort) for (const address of listener.addresses) servers.push(await this.#listen(listener.name, address));
      }
      return made;
    } catch (error) {
      for (const { listener, servers } of made) {
        const kept = this.#listeners.get(listener.name)?.servers ?? [];
        for (const server of servers) if (!kept.includes(server)) server.close();
      }
      throw error;
    }
  }

  #listen(name: string, { address, port }: { address: string; port: number }): Promise<Server> {
    const { promise, resolve, reject } = Promise.withResolvers<Server>();
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: false, noDelay: true, ...buffering }, (socket) => {
      const bound = this.#listeners.get(name);
      if (bound === undefined) socket.destroy();
      else serveConnection(socket, bound.place, this.runtime);
    });
    // Not once: when the system has no more descriptors, accepting fails too, and that must not end the process.
    server.on('error', (cause) =>
      reject(new ProxyError('bind-failed', `listener "${name}": cannot listen on ${address}:${port}: ${cause.message}`, { cause })),
    );
    // As Envoy without `ipv4_compat`: `::` leaves 0.0.0.0 to another socket of the listener.
    const place = { host: address, port, backlog: 4096, ipv6Only: address.includes(':') };
    server.listen(port === 0 && address.startsWith('/') ? { path: address } : place, () => {
      this.#servers.add(server);
      resolve(server);
    });
    server.once('close', () => this.#servers.delete(server));
    return promise;
  }

  #placeListener(listener: CompiledListener, servers: Server[]): void {
    const before = this.#listeners.get(listener.name);
    if (before !== undefined) {
      for (const server of before.servers) if (!servers.includes(server)) server.close();
      before.listener = listener;
      before.servers = servers;
      recheck(before.place);
      return;
    }
    const bound: Bound = {
      listener,
      servers,
      place: { open: new Set(), current: () => bound.listener, handOver: (address, port) => this.#listenerFor(address, port) },
    };
    this.#listeners.set(listener.name, bound);
  }

  /** The exact address first, then any address with that port. */
  #listenerFor(address: string, port: number): ListenerPlace | undefined {
    const serves = (one: Bound, wanted: readonly string[]) =>
      one.listener?.usesOriginalDst === false && one.listener.addresses.some((own) => own.port === port && wanted.includes(own.address));
    const all = [...this.#listeners.values()];
    return (all.find((one) => serves(one, [address])) ?? all.find((one) => serves(one, ['0.0.0.0', '::'])))?.place;
  }

  #removeListener(name: string): void {
    const bound = this.#listeners.get(name);
    if (bound === undefined) return;
    for (const server of bound.servers) server.close();
    bound.listener = undefined;
    this.#listeners.delete(name);
    recheck(bound.place);
  }

  /** From now on answers end their connections and nobody new is accepted. @returns when the last connection has ended */
  async drain(): Promise<void> {
    this.runtime.drain.isDraining = true;
    await Promise.all([...this.#servers].map((server) => new Promise((resolve) => server.close(resolve))));
  }

  /** @param closed told when the logs are written */
  close(closed?: () => void): void {
    for (const name of [...this.#listeners.keys()]) this.#removeListener(name);
    for (const cluster of this.runtime.clusters.filled()) cluster.retire();
    this.runtime.sweeper.stop();
    void this.runtime.logs.close().then(closed);
  }
}

function compileEach<Config extends { readonly name: string }, Compiled>(
  configs: readonly Config[] | undefined,
  compile: (config: Config) => Compiled,
  refused: Refused[],
): Compiled[] {
  const compiled: Compiled[] = [];
  for (const config of configs ?? []) {
    try {
      compiled.push(compile(config));
    } catch (error) {
      if (!isAboutContent(error)) throw error;
      refused.push({ name: config.name, reason: error.message });
    }
  }
  return compiled;
}

function recheck(place: ListenerPlace): void {
  for (const connection of [...place.open]) connection.recheck();
}
