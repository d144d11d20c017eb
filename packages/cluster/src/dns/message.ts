/** One DNS question in, one answer out; bytes both ways (RFC 1035, EDNS RFC 6891). Never throws on what came from the wire. */
import type { DecodedPacket, Answer as WireAnswer } from 'dns-packet';
import dnsPacket from 'dns-packet';
import { type Lookup, resolveName, type ZoneRecord } from './zone.ts';

/** Short enough that a deleted Service disappears, long enough to spare a busy client (CoreDNS's kubernetes plug-in: 5 s). */
export const ttlSeconds = 5;
const plainUdpBytes = 512;
const maxUdpBytes = 1232;

export interface DnsExchange {
  readonly query: string;
  readonly queryType: string;
  readonly responseCode: string;
  readonly answers: readonly string[];
}

export interface DnsAnswer {
  readonly bytes: Uint8Array;
  /** undefined when the question could not be read. */
  readonly exchange: DnsExchange | undefined;
}

/** @returns undefined for what deserves no answer (not a query, or not even a header) */
export function answerMessage(message: Buffer, zones: readonly Lookup[], domain: string, transport: 'udp' | 'tcp'): DnsAnswer | undefined {
  if (message.length < 12 || (message[2]! & 0x80) !== 0) return undefined;
  const id = message.readUInt16BE(0);
  let packet: DecodedPacket;
  try {
    packet = dnsPacket.decode(message);
  } catch {
    return { bytes: encode(id, 1, [], [], false), exchange: undefined };
  }
  const question = packet.questions?.[0];
  if (((message[2]! >> 3) & 0xf) !== 0) return { bytes: encode(id, 4, [], [], false), exchange: undefined };
  if (question === undefined || packet.questions!.length > 1 || question.name.length > 253)
    return { bytes: encode(id, 1, [], [], false), exchange: undefined };
  const name = question.name.toLowerCase().replace(/\.$/, '');
  const { responseCode, records } = resolveName(zones, name, question.type);
  const code = responseCode === 'NXDOMAIN' ? 3 : 0;
  const answers = records.map((record) => toWire(record, record.name === name ? question.name : record.name));
  const authorities: WireAnswer[] = records.length > 0 ? [] : [soa(domain)];
  let bytes = encode(id, code, answers, authorities, false, question, packet.flag_rd);
  const limit = transport === 'tcp' ? 65_535 : Math.min(maxUdpBytes, Math.max(plainUdpBytes, udpPayloadSize(packet)));
  if (bytes.length > limit) bytes = encode(id, code, [], [], true, question, packet.flag_rd);
  return { bytes, exchange: { query: name, queryType: question.type, responseCode, answers: records.map(describe) } };
}

function udpPayloadSize(packet: DecodedPacket): number {
  const opt = packet.additionals?.find((record) => record.type === 'OPT');
  return opt !== undefined && 'udpPayloadSize' in opt ? Number(opt.udpPayloadSize) : plainUdpBytes;
}

function encode(
  id: number,
  code: number,
  answers: WireAnswer[],
  authorities: WireAnswer[],
  isTruncated: boolean,
  question?: { name: string; type: string },
  wantsRecursion = false,
): Buffer {
  const flags =
    dnsPacket.AUTHORITATIVE_ANSWER |
    dnsPacket.RECURSION_AVAILABLE |
    (wantsRecursion ? dnsPacket.RECURSION_DESIRED : 0) |
    (isTruncated ? dnsPacket.TRUNCATED_RESPONSE : 0) |
    code;
  const questions = question === undefined ? [] : [question as { name: string; type: 'A' }];
  return dnsPacket.encode({ type: 'response', id, flags, questions, answers, authorities });
}

function toWire(record: ZoneRecord, name: string): WireAnswer {
  if (record.type === 'SRV') return { type: 'SRV', name, ttl: ttlSeconds, data: { priority: 0, weight: 100, ...record.data } };
  return { type: record.type, name, ttl: ttlSeconds, data: record.data } as WireAnswer;
}

/** RFC 2308: how long "no" may be remembered. */
function soa(domain: string): WireAnswer {
  const data = {
    mname: `ns.dns.${domain}`,
    rname: `hostmaster.${domain}`,
    serial: 1,
    refresh: 7200,
    retry: 1800,
    expire: 86_400,
    minimum: ttlSeconds,
  };
  return { type: 'SOA', name: domain, ttl: ttlSeconds, data };
}

function describe(record: ZoneRecord): string {
  return record.type === 'SRV' ? `${record.data.target}:${record.data.port}` : record.data;
}
