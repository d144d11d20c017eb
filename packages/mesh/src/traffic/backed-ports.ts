import type { MeshService, Workload } from './model.ts';

/** Service ports that have this workload as an endpoint. */
export function backedPorts(services: readonly MeshService[], workload: Workload) {
  return services
    .filter((service) => service.namespace === workload.namespace)
    .flatMap((service) =>
      service.endpoints
        .filter(({ address }) => workload.addresses.includes(address))
        .flatMap((endpoint) => {
          const port = service.ports.find(({ name }) => name === endpoint.portName);
          return port === undefined ? [] : [{ service, port, targetPort: endpoint.port }];
        }),
    );
}
