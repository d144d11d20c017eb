/**
 * Delta ADS (xDS protocol, "Incremental xDS"): one stream for listeners, clusters, endpoints, routes and secrets. What cannot be applied is
 * answered with a NACK and the last good configuration stays; without a stream the proxy goes on with what it has.
 */
import { create, type Message, type MessageInitShape } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { createClient, type Transport } from '@connectrpc/connect';
import type { Cluster } from '@palisade/xds/api/envoy/config/cluster/v3/cluster';
import type { Node } from '@palisade/xds/api/envoy/config/core/v3/base';
import type { ClusterLoadAssignment } from '@palisade/xds/api/envoy/config/endpoint/v3/endpoint';
import type { Listener } from '@palisade/xds/api/envoy/config/listener/v3/listener';
import type { RouteConfiguration } from '@palisade/xds/api/envoy/config/route/v3/route';
import type { Secret } from '@palisade/xds/api/envoy/extensions/transport_sockets/tls/v3/secret';
import { AggregatedDiscoveryService } from '@palisade/xds/api/envoy/service/discovery/v3/ads';
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
} from '@palisade/xds/api/envoy/service/discovery/v3/discovery';
import { TypeUrl } from '@palisade/xds/type-url';
import { forgetUnpacked, registry } from '../config/registry.ts';
import type { DataPlane, Refused, Update } from '../proxy.ts';
import { ProxyError, unsupported } from '../proxy-error.ts';
import { Outbox } from './outbox.ts';
import { wantedNames } from './wanted.ts';

/** gRPC INVALID_ARGUMENT: what Envoy answers with. */
const invalidArgument = 3;
const firstRetryMs = 100;
const lastRetryMs = 10_000;

type RequestInit = Omit<MessageInitShape<typeof DeltaDiscoveryRequestSchema>, '$typeName'>;

export interface AdsOptions {
  readonly transport: Transport;
  readonly node: Node;
  readonly plane: DataPlane;
  readonly signal: AbortSignal;
  /** Told of every refusal: type, reason. */
  readonly onNack?: (typeUrl: string, reason: string) => void;
  /** Told after each answer with which the proxy has its listeners and all their routes: from then on it can serve. */
  readonly onServing?: () => void;
}

/** Runs until the signal aborts; reconnects with growing pauses. Never throws. */
export async function runAdsClient(options: AdsOptions): Promise<void> {
  const session = new AdsState(options.plane);
  let pauseMs = firstRetryMs;
  while (!options.signal.aborted) {
    try {
      await runStream(options, session, () => {
        pauseMs = firstRetryMs;
      });
    } catch {
      // The stream is gone: what was applied stays.
    }
    if (options.signal.aborted) return;
    const jittered = pauseMs * (0.5 + options.plane.runtime.random());
    await new Promise<void>((resolve) => {
      const timer = setTimeout(done, jittered);
      const { signal } = options;
      function done() {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      }
      signal.addEventListener('abort', done);
    });
    pauseMs = Math.min(pauseMs * 2, lastRetryMs);
  }
}

async function runStream({ transport, node, signal, onNack, onServing }: AdsOptions, state: AdsState, onAnswer: () => void): Promise<void> {
  const outbox = new Outbox<DeltaDiscoveryRequest>();
  const send = (typeUrl: string, rest: RequestInit = {}) => outbox.push(create(DeltaDiscoveryRequestSchema, { ...rest, typeUrl }));
  state.startStream();
  // Clusters and listeners by wildcard: an empty first subscription asks for all that is this node's.
  outbox.push(
    create(DeltaDiscoveryRequestSchema, { node, typeUrl: TypeUrl.cluster, initialResourceVersions: state.versions(TypeUrl.cluster) }),
  );
  send(TypeUrl.listener, { initialResourceVersions: state.versions(TypeUrl.listener) });
  state.subscribe(send);
  const client = createClient(AggregatedDiscoveryService, transport);
  try {
    for await (const response of client.deltaAggregatedResources(outbox, { signal })) {
      onAnswer();
      const refusal = await state.accept(response);
      if (refusal === undefined) send(response.typeUrl, { responseNonce: response.nonce });
      else {
        onNack?.(response.typeUrl, refusal);
        send(response.typeUrl, {
          responseNonce: response.nonce,
          errorDetail: { code: invalidArgument, message: refusal },
        });
      }
      state.subscribe(send);
      if (state.isServing()) onServing?.();
      forgetUnpacked();
    }
  } finally {
    outbox.end();
  }
}

/** What has been accepted so far, by type; survives the stream. */
class AdsState {
  readonly #plane: DataPlane;
  readonly #versions = new Map<string, Map<string, string>>();
  readonly #asked = new Map<string, Set<string>>();

  constructor(plane: DataPlane) {
    this.#plane = plane;
  }

  startStream(): void {
    this.#asked.clear();
  }

  versions(typeUrl: string): Record<string, string> {
    return Object.fromEntries(this.#versions.get(typeUrl) ?? []);
  }

  /** Listeners were answered, even with none, and every route they name has come. */
  isServing(): boolean {
    const routes = this.#versions.get(TypeUrl.routeConfiguration);
    const wanted = new Map(wantedNames(this.#plane)).get(TypeUrl.routeConfiguration) ?? [];
    return this.#versions.has(TypeUrl.listener) && [...wanted].every((name) => routes?.has(name));
  }

  /** Asks for what listeners and clusters name and no longer for what nobody names. */
  subscribe(send: (typeUrl: string, rest: RequestInit) => void): void {
    for (const [typeUrl, names] of wantedNames(this.#plane)) {
      const asked = this.#asked.get(typeUrl) ?? new Set();
      const more = [...names].filter((name) => !asked.has(name));
      const less = [...asked].filter((name) => !names.has(name));
      if (more.length + less.length === 0) continue;
      const isFirst = !this.#asked.has(typeUrl);
      this.#asked.set(typeUrl, names);
      const known = Object.entries(this.versions(typeUrl)).filter(([name]) => names.has(name));
      send(typeUrl, {
        resourceNamesSubscribe: more,
        resourceNamesUnsubscribe: less,
        ...(isFirst ? { initialResourceVersions: Object.fromEntries(known) } : {}),
      });
    }
  }

  /** @returns why it was refused: nothing of it has been applied then, or all but what names a certificate or a file that cannot be used */
  async accept(response: DeltaDiscoveryResponse): Promise<string | undefined> {
    let refused: readonly Refused[];
    try {
      const messages = response.resources.map(({ name, resource }) => {
        const message = resource && anyUnpack(resource, registry);
        if (message === undefined) throw unsupported(`resource "${name}"`, `type "${resource?.typeUrl ?? 'nothing'}"`);
        return message;
      });
      refused = await this.#plane.apply(toUpdate(response.typeUrl, messages, response.removedResources));
    } catch (error) {
      return (error as Error).message;
    }
    const versions = this.#versions.get(response.typeUrl) ?? new Map<string, string>();
    for (const { name, version } of response.resources) if (refused.every((one) => one.name !== name)) versions.set(name, version);
    for (const name of response.removedResources) versions.delete(name);
    this.#versions.set(response.typeUrl, versions);
    return refused.length === 0 ? undefined : refused.map(({ reason }) => reason).join('; ');
  }
}

function toUpdate(typeUrl: string, messages: readonly Message[], removed: readonly string[]): Update {
  const wrong = messages.find((message) => !typeUrl.endsWith(`/${message.$typeName}`));
  if (wrong !== undefined) throw new ProxyError('bad-config', `a ${wrong.$typeName} came as ${typeUrl}`);
  switch (typeUrl) {
    case TypeUrl.listener:
      return { listeners: messages as Listener[], removedListeners: removed };
    case TypeUrl.cluster:
      return { clusters: messages as Cluster[], removedClusters: removed };
    case TypeUrl.clusterLoadAssignment:
      return { endpoints: messages as ClusterLoadAssignment[], removedEndpoints: removed };
    case TypeUrl.routeConfiguration:
      return { routes: messages as RouteConfiguration[], removedRoutes: removed };
    case TypeUrl.secret:
      return { secrets: messages as Secret[], removedSecrets: removed };
    default:
      throw unsupported('ADS', `type "${typeUrl}"`);
  }
}
