/** A compiled configuration as versioned resources. A message that is compiled once is written once, for however many proxies. */
import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import type { ProxyConfig } from '@palisade/mesh/traffic';
import { TypeUrl } from '@palisade/xds';
import { ClusterSchema } from '@palisade/xds/api/envoy/config/cluster/v3/cluster';
import { ClusterLoadAssignmentSchema } from '@palisade/xds/api/envoy/config/endpoint/v3/endpoint';
import { ListenerSchema } from '@palisade/xds/api/envoy/config/listener/v3/listener';
import { RouteConfigurationSchema } from '@palisade/xds/api/envoy/config/route/v3/route';
import { type Secret, SecretSchema } from '@palisade/xds/api/envoy/extensions/transport_sockets/tls/v3/secret';
import { type ResourceSnapshot, type VersionedResource, versioned } from '@palisade/xds/server';

const written = new WeakMap<object, VersionedResource>();

function write<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): VersionedResource {
  const known = written.get(message);
  if (known !== undefined) return known;
  const resource = versioned(schema, message);
  written.set(message, resource);
  return resource;
}

/** @param secrets a gateway's credentials; undefined for a proxy that may have none */
export function toResources(config: ProxyConfig, secrets?: readonly Secret[]): ResourceSnapshot {
  const named = <Desc extends DescMessage>(
    schema: Desc,
    all: readonly MessageShape<Desc>[],
    name: (message: MessageShape<Desc>) => string,
  ) => new Map(all.map((message) => [name(message), write(schema, message)]));
  return new Map<string, ReadonlyMap<string, VersionedResource>>([
    [TypeUrl.cluster, named(ClusterSchema, config.clusters, (each) => each.name)],
    [TypeUrl.clusterLoadAssignment, named(ClusterLoadAssignmentSchema, config.endpoints, (each) => each.clusterName)],
    [TypeUrl.listener, named(ListenerSchema, config.listeners, (each) => each.name)],
    [TypeUrl.routeConfiguration, named(RouteConfigurationSchema, config.routes, (each) => each.name)],
    ...(secrets === undefined ? [] : [[TypeUrl.secret, named(SecretSchema, secrets, (each) => each.name)] as const]),
  ]);
}
