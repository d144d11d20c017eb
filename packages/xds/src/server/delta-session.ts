/**
 * One proxy's incremental stream (xDS protocol, "Incremental xDS"). At most one answer of a type is outstanding: what changes meanwhile
 * goes out together after the proxy's ACK or NACK, so a slow proxy costs no memory. After a NACK the same content is not sent again.
 */
import { create } from '@bufbuild/protobuf';
import {
  type DeltaDiscoveryRequest,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
} from '@palisade/xds/api/envoy/service/discovery/v3/discovery';
import { pushOrder, TypeUrl } from '../type-url.ts';
import { type ResourceSnapshot, toAny, type VersionedResource, versionOf } from './snapshot.ts';
import { type ProxyStatus, recordAnswer, statusOf } from './status.ts';

interface Subscription {
  isWildcard: boolean;
  readonly names: Set<string>;
  /** What the proxy has or was sent; `null` = it was told that there is none. */
  readonly known: Map<string, string | null>;
  awaited: string | undefined;
}

export interface Session<Request> {
  request(request: Request): void;
  update(snapshot: ResourceSnapshot): void;
}

export function createDeltaSession(status: ProxyStatus, send: (response: DeltaDiscoveryResponse) => void): Session<DeltaDiscoveryRequest> {
  const subscriptions = new Map<string, Subscription>();
  let snapshot: ResourceSnapshot = new Map();
  let nonce = 0;

  function flush(typeUrl: string): void {
    const subscription = subscriptions.get(typeUrl);
    const current = snapshot.get(typeUrl);
    if (subscription === undefined || current === undefined || subscription.awaited !== undefined) return;
    const { changed, removed } = difference(subscription, current);
    const isFirst = !statusOf(status, typeUrl).sentVersion;
    // An empty first answer tells a proxy that waits for "everything" that there is nothing.
    if (changed.length === 0 && removed.length === 0 && !(isFirst && subscription.isWildcard)) return;
    for (const [name, { version }] of changed) subscription.known.set(name, version);
    for (const name of removed) {
      if (subscription.isWildcard && !subscription.names.has(name)) subscription.known.delete(name);
      else subscription.known.set(name, null);
    }
    // A cluster that is made anew waits for its endpoints, which the proxy may not ask for again.
    if (typeUrl === TypeUrl.cluster) for (const [name] of changed) subscriptions.get(TypeUrl.clusterLoadAssignment)?.known.delete(name);
    subscription.awaited = String(++nonce);
    const version = versionOf(current);
    statusOf(status, typeUrl).sentVersion = version;
    send(
      create(DeltaDiscoveryResponseSchema, {
        typeUrl,
        nonce: subscription.awaited,
        systemVersionInfo: version,
        resources: changed.map(([name, resource]) => ({ name, version: resource.version, resource: toAny(resource) })),
        removedResources: removed,
      }),
    );
  }

  return {
    request(request) {
      const { typeUrl } = request;
      let subscription = subscriptions.get(typeUrl);
      if (subscription === undefined) {
        const subscribed = request.resourceNamesSubscribe;
        subscription = { isWildcard: subscribed.length === 0, names: new Set(), known: new Map(), awaited: undefined };
        for (const [name, version] of Object.entries(request.initialResourceVersions)) subscription.known.set(name, version);
        subscriptions.set(typeUrl, subscription);
      }
      for (const name of request.resourceNamesSubscribe) {
        if (name === '*') subscription.isWildcard = true;
        else {
          subscription.names.add(name);
          // Asking again for what it has means that it wants it again.
          if (!Object.hasOwn(request.initialResourceVersions, name)) subscription.known.delete(name);
        }
      }
      for (const name of request.resourceNamesUnsubscribe) {
        if (name === '*') subscription.isWildcard = false;
        else subscription.names.delete(name);
        if (!subscription.isWildcard) subscription.known.delete(name);
      }
      if (request.responseNonce !== '' && request.responseNonce === subscription.awaited) {
        subscription.awaited = undefined;
        recordAnswer(statusOf(status, typeUrl), request.errorDetail);
      }
      flush(typeUrl);
    },
    update(next) {
      snapshot = next;
      for (const typeUrl of pushOrder([...subscriptions.keys()])) flush(typeUrl);
    },
  };
}

function difference(subscription: Subscription, current: ReadonlyMap<string, VersionedResource>) {
  const wanted = subscription.isWildcard ? new Set([...current.keys(), ...subscription.names]) : subscription.names;
  const changed: [string, VersionedResource][] = [];
  const removed: string[] = [];
  for (const name of wanted) {
    const resource = current.get(name);
    if (resource !== undefined) {
      if (subscription.known.get(name) !== resource.version) changed.push([name, resource]);
    } else if (subscription.known.get(name) !== null) removed.push(name);
  }
  if (subscription.isWildcard) {
    for (const [name, version] of subscription.known) if (version !== null && !wanted.has(name)) removed.push(name);
  }
  return { changed, removed };
}
