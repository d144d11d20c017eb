import type { Endpoint, FlowRecord } from '@palisade/flow';

/** Reporters that know addresses only (a WAF's log, DNS) get the names of both ends. What a reporter knows itself stays. */
export function enrichFlow(record: FlowRecord, endpointOf: (ip: string, port: number) => Endpoint): FlowRecord {
  const named = (end: Endpoint): Endpoint =>
    end.pod !== undefined || end.reserved !== undefined || end.ip === undefined ? end : { ...endpointOf(end.ip, end.port ?? 0), ...end };
  return { ...record, source: named(record.source), destination: named(record.destination) };
}
