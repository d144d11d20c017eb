/** A gateway's whole configuration: the ports its Gateways open, and only the services its routes lead to. */

import { httpFilters } from '../inbound/filters.ts';
import type { WorkloadSecurity } from '../legacy/security.ts';
import { compileLoadAssignment, compileOutboundClusters, type OutboundTarget, outboundClusterName } from '../traffic/clusters.ts';
import { findDestinationRule } from '../traffic/destination-rule.ts';
import { type Memo, withoutMemo } from '../traffic/memo.ts';
import type { MeshService, MeshSnapshot, ProxyConfig, Workload } from '../traffic/model.ts';
import { backingOf, divided, keysOf, securityOf } from '../traffic/security.ts';
import { transportInputs } from '../traffic/sidecar.ts';
import { type FindService, portOf } from '../traffic/virtual-service/destination.ts';
import type { Destination, HttpAction } from '../traffic/virtual-service/model.ts';
import type { Credential } from './credential.ts';
import { compileGatewayListener, routeNameOf } from './listener.ts';
import { type GatewayPort, gatewaysOf, placeServers } from './ports.ts';
import { boundTo, compileGatewayRoutes } from './routes.ts';

export function compileGateway(snapshot: MeshSnapshot, workload: Workload, memo: Memo = withoutMemo): ProxyConfig {
  const gateways = gatewaysOf(snapshot, workload);
  const virtualServices = snapshot.virtualServices.filter((one) =>
    gateways.some((gateway) => boundTo([one], gateway, workload).length > 0),
  );
  const hosts = new Set(
    virtualServices.flatMap(({ http }) => http.flatMap(({ action }) => destinationsOf(action)).map(({ host }) => host)),
  );
  const services = snapshot.services.filter(({ hostname }) => hosts.has(hostname));
  const security = securityOf(snapshot, workload, memo);
  const rules = services.map((service) => ruleFor(service, snapshot, workload));
  return memo(
    `gateway ${workload.namespace}/${workload.name}`,
    [
      ...[security, snapshot.providers, backingOf(snapshot, workload), ...keysOf(security, snapshot)],
      ...divided(gateways, virtualServices, services, rules, transportInputs(snapshot)),
    ],
    () => compile({ ...snapshot, gateways, virtualServices }, workload, security),
  );
}

function compile(snapshot: MeshSnapshot, workload: Workload, { tokens, authorization, warnings: ignored }: WorkloadSecurity): ProxyConfig {
  const { settings, services, gateways, virtualServices } = snapshot;
  const find: FindService = (host) => services.find(({ hostname }) => hostname === host);
  const { ports, warnings } = placeServers(gateways, snapshot, workload);
  const security = httpFilters(tokens.general, { ...snapshot, authorization, trustDomains: settings.trustDomains });
  const targets = targetsOf(ports, snapshot, workload, find);
  const tables = ports.flatMap((at) =>
    at.servers[0]?.server.tls === undefined ? [at] : at.servers.map((one) => ({ ...at, servers: [one] })),
  );
  return {
    listeners: ports.map((at) => compileGatewayListener(at, settings, security)),
    clusters: targets.flatMap((target) => compileOutboundClusters(target, snapshot)),
    routes: tables.map((at) => compileGatewayRoutes(routeNameOf(at), at.servers, virtualServices, workload, find)),
    endpoints: targets.map(compileLoadAssignment),
    credentials: credentialsOf(ports),
    warnings: [...ignored, ...warnings],
  };
}

function destinationsOf(action: HttpAction): Destination[] {
  return action.kind === 'forward' ? action.destinations.map(({ destination }) => destination) : [];
}

function ruleFor(
  { namespace: service, hostname }: MeshService,
  { settings, destinationRules }: MeshSnapshot,
  { namespace: client }: Workload,
) {
  return findDestinationRule(destinationRules, hostname, { client, service, root: settings.rootNamespace });
}

function targetsOf(ports: readonly GatewayPort[], snapshot: MeshSnapshot, workload: Workload, find: FindService): OutboundTarget[] {
  const asked = [...new Set(ports.flatMap(({ servers }) => servers.map(({ server }) => server.port)))];
  const targets = new Map<string, OutboundTarget>();
  for (const { http } of snapshot.virtualServices) {
    for (const destination of http.flatMap(({ action }) => destinationsOf(action))) {
      const service = find(destination.host);
      for (const number of new Set(asked.map((each) => portOf(destination, each, find)))) {
        const port = service?.ports.find((each) => each.port === number);
        if (service === undefined || port === undefined) continue;
        const rule = ruleFor(service, snapshot, workload);
        const isKnown = destination.subset === '' || rule?.subsets.some(({ name }) => name === destination.subset);
        if (isKnown)
          targets.set(outboundClusterName(service.hostname, number, destination.subset), {
            service,
            port,
            rule,
            subset: destination.subset,
          });
      }
    }
  }
  return [...targets].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, target]) => target);
}

function credentialsOf(ports: readonly GatewayPort[]): Credential[] {
  const found = new Map<string, Credential>();
  for (const { server } of ports.flatMap(({ servers }) => servers)) {
    if (server.tls === undefined) continue;
    const { credentialName: name, mode } = server.tls;
    found.set(name, { name, isMutual: mode === 'MUTUAL' || found.get(name)?.isMutual === true });
  }
  return [...found.values()];
}
