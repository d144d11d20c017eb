/** One proxy's state-of-the-world stream (xDS protocol, "SotW"): every answer holds all that is subscribed to. */
import { create } from '@bufbuild/protobuf';
import {
  type DiscoveryRequest,
  type DiscoveryResponse,
  DiscoveryResponseSchema,
} from '@palisade/xds/api/envoy/service/discovery/v3/discovery';
import { pushOrder, TypeUrl } from '../type-url.ts';
import type { Session } from './delta-session.ts';
import { type ResourceSnapshot, toAny, type VersionedResource, versionOf } from './snapshot.ts';
import { type ProxyStatus, recordAnswer, statusOf } from './status.ts';

interface Subscription {
  names: ReadonlySet<string>;
  /** Version and names of the last answer. */
  sent: string | undefined;
  awaited: string | undefined;
}

/** Types whose empty list of names means "all". */
const listable: readonly string[] = [TypeUrl.listener, TypeUrl.cluster];

export function createSotwSession(status: ProxyStatus, send: (response: DiscoveryResponse) => void): Session<DiscoveryRequest> {
  const subscriptions = new Map<string, Subscription>();
  let snapshot: ResourceSnapshot = new Map();
  let nonce = 0;

  function flush(typeUrl: string): void {
    const subscription = subscriptions.get(typeUrl);
    const current = snapshot.get(typeUrl);
    if (subscription === undefined || current === undefined || subscription.awaited !== undefined) return;
    const isAll = listable.includes(typeUrl) && (subscription.names.size === 0 || subscription.names.has('*'));
    const chosen = new Map([...current].filter(([name]) => isAll || subscription.names.has(name)));
    if (!isAll && chosen.size === 0) return;
    const version = versionOf(chosen);
    const content = `${version}\0${[...subscription.names].sort().join('\0')}`;
    if (content === subscription.sent) return;
    if (typeUrl === TypeUrl.cluster) forgetEndpoints();
    subscription.sent = content;
    subscription.awaited = String(++nonce);
    statusOf(status, typeUrl).sentVersion = version;
    send(create(DiscoveryResponseSchema, { typeUrl, nonce: subscription.awaited, versionInfo: version, resources: render(chosen) }));
  }

  /** Clusters that were made anew wait for endpoints: they are sent again after every change of clusters. */
  function forgetEndpoints(): void {
    const endpoints = subscriptions.get(TypeUrl.clusterLoadAssignment);
    if (endpoints !== undefined) endpoints.sent = undefined;
  }

  return {
    request(request) {
      const { typeUrl } = request;
      const names = new Set(request.resourceNames);
      const known = subscriptions.get(typeUrl);
      // An answer to something older than the last response says nothing about it.
      if (known !== undefined && request.responseNonce !== '' && request.responseNonce !== known.awaited) return;
      const subscription: Subscription = known ?? { names, sent: undefined, awaited: undefined };
      if (known === undefined) subscriptions.set(typeUrl, subscription);
      subscription.names = names;
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

function render(resources: ReadonlyMap<string, VersionedResource>) {
  return [...resources.values()].map(toAny);
}
