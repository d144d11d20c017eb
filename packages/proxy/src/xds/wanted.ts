/** The names that accepted configuration refers to, by resource type: what to subscribe to next. */
import { isMessage, type Message } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import { RdsSchema } from '@palisade/xds/api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import { SdsSecretConfigSchema } from '@palisade/xds/api/envoy/extensions/transport_sockets/tls/v3/secret';
import { TypeUrl } from '@palisade/xds/type-url';
import { unpackKnown } from '../config/registry.ts';
import type { DataPlane } from '../proxy.ts';

interface Named {
  readonly secrets: ReadonlySet<string>;
  readonly routes: ReadonlySet<string>;
}

/** By configuration, which is never changed once it was accepted: unpacking all of it at every answer would cost more than compiling one. */
const read = new WeakMap<object, Named>();

function namesIn(config: object): Named {
  const known = read.get(config);
  if (known !== undefined) return known;
  const secrets = new Set<string>();
  const routes = new Set<string>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if (Array.isArray(value)) for (const item of value) visit(item);
    else if (isMessage(value, AnySchema)) visit(unpackKnown(value));
    else if (isMessage(value, SdsSecretConfigSchema)) secrets.add(value.name);
    else if (isMessage(value, RdsSchema)) routes.add(value.routeConfigName);
    else if (!ArrayBuffer.isView(value)) for (const item of Object.values(value as Message)) visit(item);
  };
  visit(config);
  const named = { secrets, routes };
  read.set(config, named);
  return named;
}

export function wantedNames(plane: DataPlane): Map<string, Set<string>> {
  const clusters = plane.runtime.clusters.filled();
  const named = [...plane.listeners, ...clusters].map(({ config }) => namesIn(config));
  const endpoints = clusters.flatMap((cluster) => (cluster.endpointsName === undefined ? [] : [cluster.endpointsName]));
  return new Map([
    [TypeUrl.clusterLoadAssignment, new Set(endpoints)],
    [TypeUrl.secret, new Set(named.flatMap(({ secrets }) => [...secrets]))],
    [TypeUrl.routeConfiguration, new Set(named.flatMap(({ routes }) => [...routes]))],
  ]);
}
