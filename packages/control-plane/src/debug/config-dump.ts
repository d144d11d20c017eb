/** What a proxy was last told to have, in the shape of Envoy's `/config_dump` (envoy.admin.v3.ConfigDump) so that both can be compared. */
import { type DescMessage, fromBinary, type JsonObject, toJson } from '@bufbuild/protobuf';
import { TypeUrl, typeRegistry } from '@palisade/xds';
import { ClusterSchema } from '@palisade/xds/api/envoy/config/cluster/v3/cluster';
import { ClusterLoadAssignmentSchema } from '@palisade/xds/api/envoy/config/endpoint/v3/endpoint';
import { ListenerSchema } from '@palisade/xds/api/envoy/config/listener/v3/listener';
import { RouteConfigurationSchema } from '@palisade/xds/api/envoy/config/route/v3/route';
import type { ResourceSnapshot } from '@palisade/xds/server';

interface Part {
  readonly type: string;
  readonly schema: DescMessage;
  readonly list: string;
  entry(name: string, resource: JsonObject, version: string): object;
}

/** Secrets are no part of it: certificates stay with the agents, and what a gateway gets is nobody else's to see. */
const parts: Readonly<Record<string, Part>> = {
  [TypeUrl.cluster]: {
    type: 'Clusters',
    schema: ClusterSchema,
    list: 'dynamic_active_clusters',
    entry: (_, cluster, version_info) => ({ version_info, cluster }),
  },
  [TypeUrl.clusterLoadAssignment]: {
    type: 'Endpoints',
    schema: ClusterLoadAssignmentSchema,
    list: 'dynamic_endpoint_configs',
    entry: (_, endpoint_config, version_info) => ({ version_info, endpoint_config }),
  },
  [TypeUrl.listener]: {
    type: 'Listeners',
    schema: ListenerSchema,
    list: 'dynamic_listeners',
    entry: (name, listener, version_info) => ({ name, active_state: { version_info, listener } }),
  },
  [TypeUrl.routeConfiguration]: {
    type: 'Routes',
    schema: RouteConfigurationSchema,
    list: 'dynamic_route_configs',
    entry: (_, route_config, version_info) => ({ version_info, route_config }),
  },
};

export function renderConfigDump(pushed: ResourceSnapshot): object {
  const configs = Object.entries(parts).map(([typeUrl, { type, schema, list, entry }]) => ({
    '@type': `type.googleapis.com/envoy.admin.v3.${type}ConfigDump`,
    [list]: [...(pushed.get(typeUrl) ?? [])].map(([name, { value, version }]) => {
      const fields = toJson(schema, fromBinary(schema, value), { registry: typeRegistry, useProtoFieldName: true }) as JsonObject;
      return entry(name, { '@type': typeUrl, ...fields }, version);
    }),
  }));
  return { configs };
}
