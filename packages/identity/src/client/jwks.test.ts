import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { jwksNetwork } from './jwks-get.ts';
import { createJwksSource, type JwksEdges } from './jwks-source.ts';
import { blocks, refuseJwksAddress, refuseJwksUri } from './jwks-target.ts';

const keys = '{"keys":[{"kty":"oct","k":"AAAA","kid":"1"}]}';
const other = '{"keys":[{"kty":"oct","k":"BBBB","kid":"2"}]}';

test('addresses: public ones, and inner ones that are allowed', () => {
  const allowed = blocks(['10.96.0.0/12', 'fd00:10::/32', '169.254.0.0/16', '127.0.0.0/8']);
  const rows: [string, boolean][] = [
    ['8.8.8.8', true],
    ['2a00:1450::1', true],
    ['10.96.0.7', true],
    ['fd00:10::5', true],
    ['10.0.0.7', false],
    ['192.168.1.1', false],
    ['100.64.0.1', false],
    ['fd99::1', false],
    // Never, although listed as allowed.
    ['169.254.169.254', false],
    ['127.0.0.1', false],
    ['0.0.0.0', false],
    ['::1', false],
    ['::ffff:127.0.0.1', false],
    ['::ffff:169.254.169.254', false],
    ['::ffff:10.0.0.7', false],
    ['64:ff9b::a9fe:a9fe', false],
    ['fd00:ec2::254', false],
    ['168.63.129.16', false],
    ['::', false],
    ['::a9fe:a9fe', false],
    ['fe80::1%lo', false],
    ['224.0.0.1', false],
    ['255.255.255.255', false],
    ['localhost', false],
    ['0x7f000001', false],
  ];
  for (const [address, expected] of rows) assert.equal(refuseJwksAddress(address, allowed) === undefined, expected, address);
  assert.throws(() => blocks(['10.0.0.0']), RangeError);
});

test('URLs', () => {
  for (const bad of ['', 'file:///etc/passwd', 'gopher://x', 'https://user:secret@issuer.test/', '//x']) assert.ok(refuseJwksUri(bad), bad);
  assert.equal(refuseJwksUri('https://issuer.test/keys'), undefined);
});

function fake(changes: Partial<JwksEdges> = {}) {
  const state = { seconds: 0, body: keys, status: 200, asked: [] as string[], allowed: [] as string[] };
  const edges: JwksEdges = {
    now: () => new Date(state.seconds * 1000),
    resolve: async () => ['8.8.8.8'],
    get: async (url, address) => {
      state.asked.push(`${url.href} at ${address}`);
      return { status: state.status, body: state.body };
    },
    ...changes,
  };
  return { state, source: createJwksSource(edges, () => state.allowed) };
}
const uri = 'https://issuer.test/keys';

test('fetched, kept, refreshed, forgotten', async () => {
  const { state, source } = fake();
  assert.equal(source.find(uri), undefined);
  assert.equal(await source.refresh([uri, uri]), true);
  assert.deepEqual([source.find(uri), state.asked], [keys, [`${uri} at 8.8.8.8`]]);
  state.body = other;
  assert.equal(await source.refresh([uri]), false, 'still fresh');
  state.seconds += 20 * 60;
  assert.equal(await source.refresh([uri]), true);
  assert.equal(source.find(uri), other);
  await source.refresh([]);
  assert.equal(source.find(uri), undefined);
});

test('failures: the last keys serve for a day, then none; retried after 10 s', async () => {
  const { state, source } = fake();
  await source.refresh([uri]);
  state.status = 500;
  state.seconds += 20 * 60;
  assert.equal(await source.refresh([uri]), false);
  assert.equal(source.find(uri), keys);
  assert.match(source.problems().get(uri)!, /answered 500/);
  state.seconds += 9;
  await source.refresh([uri]);
  assert.equal(state.asked.length, 2);
  state.seconds += 24 * 3600;
  assert.equal(await source.refresh([uri]), true);
  assert.equal(source.find(uri), undefined);
});

test('an address that the operator allows is asked at the next look, a failing one is not', async () => {
  const { state, source } = fake({ resolve: async () => ['10.0.0.1'] });
  await source.refresh([uri]);
  assert.deepEqual(state.asked, []);
  state.allowed = ['10.0.0.0/8'];
  state.status = 500;
  await source.refresh([uri]);
  await source.refresh([uri]);
  assert.deepEqual(state.asked, [`${uri} at 10.0.0.1`]);
});

test('what is no key set, or leads inside, is absent', async () => {
  const rows: [ReturnType<typeof fake>, RegExp][] = [
    [fake({ get: async () => ({ status: 200, body: '<html>' }) }), /cannot be read/],
    [fake({ get: async () => ({ status: 302, body: '' }) }), /answered 302/],
    [fake({ resolve: async () => [] }), /has no address/],
    [fake({ resolve: async () => ['8.8.8.8', '169.254.169.254'] }), /link-local/],
    [fake({ resolve: async () => ['10.0.0.1'] }), /not among the allowed networks/],
  ];
  for (const [{ source, state }, problem] of rows) {
    await source.refresh([uri]);
    assert.equal(source.find(uri), undefined);
    assert.match(source.problems().get(uri)!, problem);
    assert.deepEqual(state.asked, []);
  }
});

test('the network: to the address that was judged, with the host’s name, no redirect, at most 1 MiB', async (t) => {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.headers.host} ${request.url}`);
    if (request.url === '/big') response.end(Buffer.alloc(2 * 1024 * 1024));
    else response.writeHead(request.url === '/moved' ? 302 : 200, { location: '/keys' }).end(keys);
  });
  t.after(() => server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const { get } = jwksNetwork();
  const at = (path: string) => get(new URL(`http://issuer.test:${port}${path}`), '127.0.0.1');
  assert.deepEqual(await at('/keys?a=1'), { status: 200, body: keys });
  assert.equal((await at('/moved')).status, 302);
  await assert.rejects(at('/big'), /over 1048576 bytes/);
  assert.deepEqual(seen, [`issuer.test:${port} /keys?a=1`, `issuer.test:${port} /moved`, `issuer.test:${port} /big`]);
});
