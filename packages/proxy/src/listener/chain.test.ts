import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { create } from '@bufbuild/protobuf';
import { FilterChainMatchSchema } from '@palisade/xds/api/envoy/config/listener/v3/listener_components';
import { Address } from '../net/address.ts';
import { parseSocketAddress } from '../net/original-destination.ts';
import { sniffClientHello, sniffHttp } from './client-hello.ts';
import { type ChainFacts, chooseChain, compileChainMatch } from './match-chain.ts';

const facts = (changes: Partial<ChainFacts> = {}): ChainFacts => ({
  source: new Address('10.0.0.9'),
  sourcePort: 4000,
  destination: new Address('10.1.2.3'),
  destinationPort: 8080,
  transport: 'tls',
  serverName: 'a.example.com',
  protocols: ['istio', 'h2'],
  ...changes,
});
const range = (addressPrefix: string, prefixLen: number) => ({ addressPrefix, prefixLen });

type Match = Parameters<typeof create<typeof FilterChainMatchSchema>>[1];
const cases: readonly (readonly [string, readonly Match[], Partial<ChainFacts>, number])[] = [
  ['the port before everything', [{ transportProtocol: 'tls' }, { destinationPort: 8080 }], { transport: 'raw_buffer' }, 1],
  [
    'no way back to a less specific port',
    [{ transportProtocol: 'tls' }, { destinationPort: 8080, transportProtocol: 'raw_buffer' }],
    {},
    -1,
  ],
  ['the longest prefix', [{ prefixRanges: [range('10.0.0.0', 8)] }, { prefixRanges: [range('10.1.0.0', 16)] }], {}, 1],
  ['the exact name', [{ serverNames: ['*.example.com'] }, { serverNames: ['a.example.com'] }], {}, 1],
  ['the longest wildcard', [{ serverNames: ['*.com'] }, { serverNames: ['*.example.com'] }], {}, 1],
  ['a wildcard is not its own domain', [{ serverNames: ['*.example.com'] }], { serverName: 'example.com' }, -1],
  ['a protocol the client offers', [{ applicationProtocols: ['istio-peer'] }, { applicationProtocols: ['h2'] }], {}, 1],
  ['nothing asked', [{}], {}, 0],
  ['plain text never enters a TLS chain', [{ transportProtocol: 'tls' }], { transport: 'raw_buffer' }, -1],
  ['loopback', [{ sourceType: 1 }, { sourceType: 2 }], { source: new Address('127.0.0.6') }, 0],
];

for (const [what, matches, changes, expected] of cases) {
  test(`filter chain: ${what}`, () => {
    const matchers = matches.map((match) => compileChainMatch(create(FilterChainMatchSchema, match), 'test'));
    assert.equal(chooseChain(matchers, facts(changes)), expected);
  });
}

test('a ClientHello by OpenSSL, wherever it is cut', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connectTls({
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    servername: 'A.example',
    ALPNProtocols: ['istio', 'http/1.1'],
  });
  client.on('error', () => {});
  const [socket] = await once(server, 'connection');
  const [hello] = (await once(socket, 'data')) as [Buffer];
  client.destroy();
  socket.destroy();
  server.close();
  assert.deepEqual(sniffClientHello(hello), { transport: 'tls', serverName: 'a.example', protocols: ['istio', 'http/1.1'] });
  for (let cut = 1; cut < hello.length; cut++) assert.equal(sniffClientHello(hello.subarray(0, cut)), undefined, `cut at ${cut}`);
  for (let at = 5; at < hello.length; at += 7) sniffClientHello(Buffer.concat([hello.subarray(0, at), Buffer.alloc(64, 0xff)]));
});

test('what is not TLS', () => {
  assert.equal(sniffClientHello(Buffer.from('G'))?.transport, 'raw_buffer');
  assert.equal(sniffClientHello(Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0]))?.transport, 'raw_buffer');
  assert.deepEqual(sniffHttp(Buffer.from('GET / HTTP/1.1\r\n')), ['http/1.1']);
  assert.deepEqual(sniffHttp(Buffer.from('PRI * HTTP/2.0\r\n')), ['h2c']);
  assert.equal(sniffHttp(Buffer.from('GE')), undefined);
  assert.deepEqual(sniffHttp(Buffer.from('\x00\x01')), []);
});

test('socket addresses as the kernel writes them', () => {
  const v4 = Buffer.from([2, 0, 0x1f, 0x90, 10, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0]);
  assert.deepEqual(parseSocketAddress(v4, true), { address: '10.1.2.3', port: 8080 });
  const v6 = Buffer.alloc(28);
  v6.writeUInt16BE(443, 2);
  v6.writeUInt16BE(0xfd00, 8);
  v6.writeUInt16BE(1, 22);
  assert.deepEqual(parseSocketAddress(v6, false), { address: 'fd00::1', port: 443 });
});
