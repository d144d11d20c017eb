/** Type URLs of the resources that travel over xDS (Envoy API v3, "xDS protocol", resource types). */
export const TypeUrl = {
  listener: 'type.googleapis.com/envoy.config.listener.v3.Listener',
  routeConfiguration: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
  cluster: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  clusterLoadAssignment: 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
  secret: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
} as const;
export type TypeUrl = (typeof TypeUrl)[keyof typeof TypeUrl];

/** Make before break (xDS protocol, "Eventual consistency"): what is referred to goes out before what refers to it. */
const order: readonly string[] = [
  TypeUrl.secret,
  TypeUrl.cluster,
  TypeUrl.clusterLoadAssignment,
  TypeUrl.listener,
  TypeUrl.routeConfiguration,
];

export function pushOrder(types: readonly string[]): string[] {
  return [...types].sort((a, b) => order.indexOf(a) - order.indexOf(b));
}
