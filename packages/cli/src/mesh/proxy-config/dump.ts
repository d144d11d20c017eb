/** Envoy's `/config_dump` (envoy.admin.v3.ConfigDump, JSON with proto field names) as lists of resources. */

// biome-ignore lint/suspicious/noExplicitAny: messages of a proxy we may be older than; tables read what they know and pass over the rest
export type Message = Readonly<Record<string, any>>;

const parts = {
  clusters: { type: 'Clusters', lists: ['static_clusters', 'dynamic_active_clusters'], content: (entry: Message) => entry['cluster'] },
  endpoints: {
    type: 'Endpoints',
    lists: ['static_endpoint_configs', 'dynamic_endpoint_configs'],
    content: (entry: Message) => entry['endpoint_config'],
  },
  listeners: {
    type: 'Listeners',
    lists: ['static_listeners', 'dynamic_listeners'],
    content: (entry: Message) => entry['listener'] ?? entry['active_state']?.listener,
  },
  routes: {
    type: 'Routes',
    lists: ['static_route_configs', 'dynamic_route_configs'],
    content: (entry: Message) => entry['route_config'],
  },
  secrets: {
    type: 'Secrets',
    lists: ['static_secrets', 'dynamic_active_secrets', 'dynamic_warming_secrets'],
    content: (entry: Message) => entry['secret'] && { name: entry['name'], ...entry['secret'] },
  },
} as const;
export type PartName = keyof typeof parts;
export const partNames = Object.keys(parts) as PartName[];

/** @throws Error when it is no dump */
export function readPart(dump: unknown, part: PartName): Message[] {
  const configs = (dump as { configs?: unknown } | null)?.configs;
  if (!Array.isArray(configs)) throw new Error('Cannot read the configuration: expected Envoy’s config_dump, an object with "configs"');
  const { type, lists, content } = parts[part];
  const found = (configs as Message[]).find((config) => String(config['@type']).endsWith(`.${type}ConfigDump`)) ?? {};
  return lists.flatMap((list) => ((found[list] ?? []) as Message[]).flatMap((entry) => content(entry) ?? []));
}

/** `web.shop` of the resource that Istio's metadata names: `/apis/GROUP/VERSION/namespaces/shop/virtual-service/web`. */
export function configOf(message: Message): string {
  const path = message['metadata']?.filter_metadata?.istio?.config;
  const [, namespace, name] = /\/namespaces\/([^/]+)\/[^/]+\/([^/]+)$/.exec(String(path ?? '')) ?? [];
  return name === undefined ? '' : `${name}.${namespace}`;
}

export function placeOf(address: Message | undefined): { address: string; port: string } {
  const socket = address?.['socket_address'];
  if (socket !== undefined) return { address: socket.address ?? '', port: String(socket.port_value ?? 0) };
  return { address: address?.['pipe']?.path ?? address?.['envoy_internal_address']?.server_listener_name ?? '', port: '' };
}
