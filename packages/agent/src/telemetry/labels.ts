/** Istio's standard labels (https://istio.io/latest/docs/reference/config/metrics/). */
import type { Report } from './report.ts';
import { parseWorkloadName, unknown, type WorkloadName, workloadOfPrincipal } from './workload.ts';

/** Whose proxy reports: the server's (`inbound`) or the client's. */
export type Side = 'inbound' | 'outbound';

export type Labels = readonly (readonly [name: string, value: string])[];

/** Everything the labels are made of, in one text: reports that agree in it agree in every label. */
export function labelKey(report: Report, side: Side): string {
  const { kind, cluster, client, peer, local, isTls, flags, tags, protocol, status } = report;
  return [
    side,
    kind,
    cluster,
    client?.workload,
    peer,
    local,
    isTls,
    flags.join(','),
    tags['destination_workload'],
    tags['destination_service'],
    protocol,
    status,
    needsHost(report) ? report.authority : '',
  ].join('\n');
}

export function labelsOf(report: Report, side: Side, own: WorkloadName): Labels {
  const isInbound = side === 'inbound';
  const source = isInbound ? clientOf(report) : own;
  const destination = isInbound ? own : parseWorkloadName(report.tags['destination_workload']);
  const service = serviceOf(report);
  const http: Labels =
    report.kind === 'tcp'
      ? []
      : [
          ['response_code', String(report.status)],
          ['grpc_response_status', ''],
        ];
  return [
    ['reporter', isInbound ? 'destination' : 'source'],
    ...workloadLabels('source', source),
    ['source_principal', (isInbound ? report.peer : report.local) ?? unknown],
    ...workloadLabels('destination', destination),
    ['destination_principal', (isInbound && report.isTls ? report.local : undefined) ?? unknown],
    ['destination_service', service.host],
    ['destination_service_name', service.name],
    ['destination_service_namespace', service.namespace],
    ['request_protocol', report.kind === 'tcp' ? 'tcp' : 'http'],
    ...http,
    ['response_flags', report.flags.length === 0 ? '-' : report.flags.join(',')],
    // As Istio: only the server's side knows for certain.
    ['connection_security_policy', isInbound ? (report.peer === undefined ? 'none' : 'mutual_tls') : unknown],
  ];
}

function clientOf({ client, peer }: Report): WorkloadName {
  return client === undefined ? workloadOfPrincipal(peer) : parseWorkloadName(client.workload);
}

function workloadLabels(end: 'source' | 'destination', of: WorkloadName): Labels {
  return [
    [`${end}_workload`, of.workload],
    [`${end}_workload_namespace`, of.namespace],
    [`${end}_canonical_service`, of.service],
    [`${end}_canonical_revision`, of.revision],
    [`${end}_app`, of.service],
    [`${end}_version`, of.revision],
    [`${end}_cluster`, of.cluster],
  ];
}

/** Traffic to what the mesh does not know: only the host the client named says what it is. */
const needsHost = (report: Report) => report.tags['destination_service'] === undefined && !report.cluster.startsWith('inbound|');

function serviceOf(report: Report): { host: string; name: string; namespace: string } {
  const [host, name, namespace] = report.tags['destination_service']?.split(';') ?? [];
  if (host !== undefined) return { host, name: name || host, namespace: namespace || unknown };
  const isNamed = report.cluster === 'PassthroughCluster' || report.cluster === 'BlackHoleCluster';
  return { host: (isNamed && report.authority) || unknown, name: report.cluster || unknown, namespace: unknown };
}
