import type { Endpoint, FlowRecord } from '@palisade/flow';

/** Reporters that know less (a WAF's log and DNS addresses only, an agent no workload) get the names of both ends. What a reporter knows itself stays. */
export function enrichFlow(record: FlowRecord, endpointOf: (ip: string, port: number) => Endpoint): FlowRecord {
  const named = (end: Endpoint): Endpoint => {
    if (end.reserved !== undefined || end.ip === undefined) return end;
    const found = endpointOf(end.ip, end.port ?? 0);
    // Another pod has the address by now.
    const isOther = end.pod !== undefined && (end.pod !== found.pod || end.namespace !== found.namespace);
    return isOther ? end : { ...found, ...end };
  };
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
