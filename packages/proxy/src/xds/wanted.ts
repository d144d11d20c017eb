/** The names that accepted configuration refers to, by resource type: what to subscribe to next. */
import { isMessage, type Message } from '@bufbuild/protobuf';
import { AnySchema, anyUnpack } from '@bufbuild/protobuf/wkt';
import { TypeUrl } from '@palisade/xds';
import { RdsSchema } from '@palisade/xds/api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import { SdsSecretConfigSchema } from '@palisade/xds/api/envoy/extensions/transport_sockets/tls/v3/secret';
import { registry } from '../config/registry.ts';
import type { DataPlane } from '../proxy.ts';

export function wantedNames(plane: DataPlane): Map<string, Set<string>> {
  const secrets = new Set<string>();
  const routes = new Set<string>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if (Array.isArray(value)) for (const item of value) visit(item);
    else if (isMessage(value, AnySchema)) visit(anyUnpack(value, registry));
    else if (isMessage(value, SdsSecretConfigSchema)) secrets.add(value.name);
    else if (isMessage(value, RdsSchema)) routes.add(value.routeConfigName);
    else if (!ArrayBuffer.isView(value)) for (const item of Object.values(value as Message)) visit(item);
  };
  const clusters = plane.runtime.clusters.filled();
  for (const listener of plane.listeners) visit(listener.config);
  for (const cluster of clusters) visit(cluster.config);
  const endpoints = clusters.flatMap((cluster) => (cluster.endpointsName === undefined ? [] : [cluster.endpointsName]));
  return new Map([
    [TypeUrl.clusterLoadAssignment, new Set(endpoints)],
    [TypeUrl.secret, secrets],
    [TypeUrl.routeConfiguration, routes],
  ]);
}
