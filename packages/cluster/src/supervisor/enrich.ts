import type { Endpoint, FlowRecord } from '@palisade/flow';

/** Reporters that know addresses only (a WAF's log, DNS) get the names of both ends. What a reporter knows itself stays. */
export function enrichFlow(record: FlowRecord, endpointOf: (ip: string, port: number) => Endpoint): FlowRecord {
  const named = (end: Endpoint): Endpoint =>
    end.pod !== undefined || end.reserved !== undefined || end.ip === undefined ? end : { ...endpointOf(end.ip, end.port ?? 0), ...end };
  const [source, destination] = [named(record.source), named(record.destination)];
  const more = isEscape(record, source) ? `; ${escapeReason}` : '';
  return { ...record, reason: `${record.reason}${more}`, source, destination };
}

const escapeReason = 'plain text from a pod that has a proxy: past the mesh, unless a DestinationRule says so';

/** A proxy's clients show its certificate; who comes without went past theirs ("Mesh Escape 101"). Only the other end's proxy can tell. */
function isEscape({ direction, body }: FlowRecord, source: Endpoint): boolean {
  const isPlain = 'isMutualTls' in body && body.isMutualTls === false;
  return direction === 'ingress' && isPlain && source.identity === undefined && source.labels?.['security.istio.io/tlsMode'] === 'istio';
}
