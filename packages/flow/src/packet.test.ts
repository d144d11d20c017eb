import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parsePacket } from './packet.ts';

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const v4 = (protocol: string, rest: string, fragment = '0000') =>
  bytes(`4500 0028 0001 ${fragment} 40 ${protocol} 0000 0af40001 0af40002 ${rest}`);
const v6 = (next: string, rest: string) =>
  bytes(`60000000 0000 ${next} 40 fd000244000000000000000000000001 20010db8000000010000000000000000 ${rest}`);
const ends4 = { source: '10.244.0.1', destination: '10.244.0.2' };
const ends6 = { source: 'fd00:244::1', destination: '2001:db8:0:1::' };
const tcp = 'a8ca 1f90 00000001 00000000 5002 7210 0000 0000';
const tcpRead = { protocol: 'TCP', sourcePort: 43_210, destinationPort: 8080, tcpFlags: ['SYN'] };

const cases: readonly (readonly [name: string, packet: Uint8Array, expected: object])[] = [
  ['TCP SYN', v4('06', tcp), { ...ends4, ...tcpRead }],
  ['TCP flags in order', v4('06', tcp.replace('5002', '5019')), { ...ends4, ...tcpRead, tcpFlags: ['FIN', 'PSH', 'ACK'] }],
  ['TCP cut after its ports', v4('06', 'a8ca 1f90'), { ...ends4, protocol: 'TCP', sourcePort: 43_210, destinationPort: 8080 }],
  ['TCP cut before its ports', v4('06', 'a8'), { ...ends4, protocol: 'TCP' }],
  ['UDP', v4('11', '0035 d431 0008 0000'), { ...ends4, protocol: 'UDP', sourcePort: 53, destinationPort: 54_321 }],
  ['SCTP', v4('84', '0001 0002 00000000'), { ...ends4, protocol: 'SCTP', sourcePort: 1, destinationPort: 2 }],
  ['ICMP echo', v4('01', '0800'), { ...ends4, protocol: 'ICMPv4', icmpType: 8 }],
  ['GRE has no ports', v4('2f', '00000800'), { ...ends4, protocol: 'IP protocol 47' }],
  ['a later fragment has no transport header', v4('06', tcp, '2001'), { ...ends4, protocol: 'TCP' }],
  ['the first fragment has one', v4('06', tcp, '2000'), { ...ends4, ...tcpRead }],
  ['IPv4 options', bytes(`4600 002c 0001 0000 40 06 0000 0af40001 0af40002 01010101 ${tcp}`), { ...ends4, ...tcpRead }],
  ['IPv6 TCP', v6('06', tcp), { ...ends6, ...tcpRead }],
  ['IPv6 neighbour solicitation', v6('3a', '8700'), { ...ends6, protocol: 'ICMPv6', icmpType: 135 }],
  ['IPv6 hop-by-hop and destination options', v6('00', `3c00 000000000000 0601 ${'00'.repeat(14)} ${tcp}`), { ...ends6, ...tcpRead }],
  ['IPv6 authentication header', v6('33', `0601 ${'00'.repeat(10)} ${tcp}`), { ...ends6, ...tcpRead }],
  ['IPv6 later fragment', v6('2c', `0600 0008 00000001 ${tcp}`), { ...ends6, protocol: 'TCP' }],
  ['IPv6 first fragment', v6('2c', `0600 0001 00000001 ${tcp}`), { ...ends6, ...tcpRead }],
];

describe('parsePacket', () => {
  for (const [name, packet, expected] of cases) {
    it(name, () => assert.deepEqual(parsePacket(packet), { ok: true, packet: expected }));
  }

  const refused: readonly (readonly [packet: Uint8Array, reason: RegExp])[] = [
    [bytes(''), /empty/],
    [bytes('55'), /IP version 5/],
    [bytes('45'), /ends inside its IPv4 header/],
    [bytes(`44${'00'.repeat(40)}`), /header of 16 bytes/],
    [bytes('60'), /ends inside its IPv6 header/],
  ];
  for (const [packet, reason] of refused) {
    it(`refuses: ${reason.source}`, () => {
      const result = parsePacket(packet);
      assert.match(result.ok ? '' : result.reason, reason);
    });
  }

  it('never throws, and what it reads is well formed', () => {
    const raw = fc.uint8Array({ maxLength: 120 });
    const damaged = fc
      .tuple(fc.constantFrom(...cases.map(([, packet]) => packet)), fc.nat(), fc.nat({ max: 255 }), fc.nat())
      .map(([packet, at, value, length]) => {
        const copy = packet.slice(0, (length % packet.length) + 1);
        copy[at % copy.length] = value;
        return copy;
      });
    fc.assert(
      fc.property(fc.oneof(raw, damaged), (input) => {
        const result = parsePacket(input);
        if (!result.ok) return result.reason.length > 0;
        const { source, sourcePort = 0, destinationPort = 0 } = result.packet;
        return /^[\d.]+$|^[\da-f:]+$/.test(source) && sourcePort <= 65_535 && destinationPort <= 65_535;
      }),
      { numRuns: 2_000 },
    );
  });
});
