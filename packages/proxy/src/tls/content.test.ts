/** What a certificate or a file holds costs the resource that names it, nothing else: as Envoy does, which is given the same bytes. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parseBootstrap, staticResources } from '../config/bootstrap.ts';
import { DataPlane, type Refused } from '../proxy.ts';
import { startEnvoy, withoutEnvoy } from '../testing/envoy.ts';
import { httpManager, makeIdentities, type TestIdentity } from '../testing/mesh-bootstrap.ts';

const folder = mkdtempSync(join(tmpdir(), 'palisade-content-'));
const file = (name: string) => join(folder, name);
/** Answer which one they are. */
const applications = ['one', 'two'].map((name) => createServer((_, response) => response.end(name)));
let secure: ReturnType<typeof createTlsServer>;
let identity: TestIdentity;

before(async () => {
  const [first, second] = await makeIdentities(['a', 'b']);
  identity = first!;
  secure = createTlsServer({ cert: identity.certPem, key: identity.keyPem }, (_, response) => response.end('secure'));
  for (const server of [...applications, secure]) await once(server.listen(0, '127.0.0.1'), 'listening');
  writeFileSync(file('good.pem'), identity.certPem);
  writeFileSync(file('good.key'), identity.keyPem);
  writeFileSync(file('root.pem'), identity.rootPem);
  writeFileSync(file('other.key'), second!.keyPem);
  writeFileSync(file('empty.pem'), '');
  writeFileSync(file('text.pem'), 'no certificate\n');
  writeFileSync(file('broken.pem'), '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
});

after(() => {
  for (const server of [...applications, secure]) {
    server.closeAllConnections();
    server.close();
  }
  rmSync(folder, { recursive: true });
});

interface Files {
  readonly cert?: string;
  readonly key?: string;
  readonly root?: string;
}

function cluster(name: string, server: { address(): AddressInfo | string | null }, tls?: object) {
  const address = { socket_address: { address: '127.0.0.1', port_value: (server.address() as AddressInfo).port } };
  const type = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext';
  return {
    '@type': 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
    name,
    type: 'STATIC',
    connect_timeout: '5s',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
    ...(tls === undefined ? {} : { transport_socket: { name: 'tls', typed_config: { '@type': type, common_tls_context: tls } } }),
  };
}

const named = ({ cert = 'good.pem', key = 'good.key', root = 'root.pem' }: Files) =>
  cluster('named', secure, {
    tls_certificates: [{ certificate_chain: { filename: file(cert) }, private_key: { filename: file(key) } }],
    validation_context: { trusted_ca: { filename: file(root) } },
  });

const listener = (port: number) => ({
  name: 'main',
  address: { socket_address: { address: '127.0.0.1', port_value: port } },
  filter_chains: [
    {
      filters: [
        httpManager({ logPath: '', statPrefix: 'in' }, [], {
          route_config: {
            name: 'r',
            validate_clusters: false,
            virtual_hosts: [
              {
                name: 'all',
                domains: ['*'],
                routes: ['other', 'named'].map((name) => ({ match: { prefix: `/${name}` }, route: { cluster: name } })),
              },
            ],
          },
        }),
      ],
    },
  ],
});

/** In a bootstrap the type is known. */
const untyped = (resource: object) => ({ ...resource, '@type': undefined });

interface Side {
  readonly port: number;
  /** The next version of all clusters. */
  update(clusters: readonly object[]): Promise<readonly Refused[] | undefined>;
  stop(): void;
}

const read = (resources: object) => staticResources(parseBootstrap(JSON.stringify({ static_resources: resources }), 'test'));

async function startOurs(): Promise<Side> {
  const plane = new DataPlane();
  await plane.apply(read({ listeners: [listener(0)] }));
  return {
    port: plane.addressOf('main')!.port,
    update: (clusters) => plane.apply({ clusters: read({ clusters: clusters.map(untyped) }).clusters! }),
    stop: () => plane.close(),
  };
}

async function startTheirs(): Promise<Side> {
  const path = file('clusters.json');
  let version = 0;
  const write = (clusters: readonly object[]) => {
    writeFileSync(`${path}.next`, JSON.stringify({ version_info: String(++version), resources: clusters }));
    renameSync(`${path}.next`, path);
  };
  write([]);
  const envoy = await startEnvoy((port, admin) => ({
    node: { id: 'test', cluster: 'test' },
    admin: { address: { socket_address: { address: '127.0.0.1', port_value: admin } } },
    static_resources: { listeners: [listener(port)] },
    dynamic_resources: { cds_config: { path_config_source: { path } } },
  }));
  return {
    port: envoy.port,
    async update(clusters) {
      write(clusters);
      return undefined;
    },
    stop: () => void envoy.stop(),
  };
}

async function get(port: number, path: string) {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } });
  return { status: response.status, body: await response.text() };
}

const unusable: readonly { readonly name: string; readonly files: Files; readonly reason: RegExp }[] = [
  { name: 'a certificate that is not there', files: { cert: 'nowhere.pem' }, reason: /cluster "named".*cannot read ".*nowhere\.pem"/ },
  { name: 'an empty certificate', files: { cert: 'empty.pem' }, reason: /cluster "named".*empty\.pem" is empty/ },
  { name: 'a certificate that is none', files: { cert: 'text.pem' }, reason: /cluster "named".*cannot use the certificate/ },
  { name: 'a broken certificate', files: { cert: 'broken.pem' }, reason: /cluster "named".*cannot use the certificate/ },
  { name: 'the key of another certificate', files: { key: 'other.key' }, reason: /cluster "named".*does not belong/ },
  { name: 'a trust anchor that is none', files: { root: 'text.pem' }, reason: /cluster "named".*holds no PEM certificate/ },
  { name: 'a broken trust anchor', files: { root: 'broken.pem' }, reason: /cluster "named".*cannot use certificate 1 of trusted_ca/ },
];

for (const [side, start] of [
  ['ours', startOurs],
  ['Envoy', startTheirs],
] as const) {
  for (const { name, files, reason } of unusable) {
    const skip = side === 'Envoy' ? withoutEnvoy : false;
    test(`${name}: the other cluster changes, the one that names it stays as it was, ${side}`, { skip, timeout: 60_000 }, async (t) => {
      const { port, update, stop } = await start();
      t.after(stop);
      /** Seen in the other cluster, which every version changes. */
      const apply = async (version: number, naming: Files) => {
        const refused = await update([cluster('other', applications[version % 2]!), named(naming)]);
        const wanted = ['one', 'two'][version % 2];
        while ((await get(port, '/other')).body !== wanted) await new Promise((resolve) => setTimeout(resolve, 20));
        return refused;
      };
      const first = await apply(0, files);
      assert.equal((await get(port, '/named')).status, 503, 'there was none before');
      await apply(1, {});
      // Envoy takes the clusters of an update one after the other.
      while ((await get(port, '/named')).status !== 200) await new Promise((resolve) => setTimeout(resolve, 20));
      const second = await apply(2, files);
      assert.deepEqual(await get(port, '/named'), { status: 200, body: 'secure' }, 'the last good one');
      for (const refused of [first, second]) {
        if (refused === undefined) continue;
        assert.deepEqual(
          refused.map((one) => one.name),
          ['named'],
        );
        assert.match(refused[0]!.reason, reason);
      }
    });
  }
}

test('a secret that cannot be used leaves the others of the same update as they came', async (t) => {
  const plane = new DataPlane();
  t.after(() => plane.close());
  const secret = (name: string, chain: string) => ({
    name,
    tls_certificate: { certificate_chain: { inline_string: chain }, private_key: { inline_string: identity.keyPem } },
  });
  const update = (broken: string) => plane.apply(read({ secrets: [secret('broken', broken), secret('good', identity.certPem)] }));
  const content = (name: string) => plane.runtime.secrets.at(name).current;
  const [refused] = await update('none');
  assert.match(refused?.reason ?? '', /secret "broken": cannot use the certificate/);
  assert.deepEqual([content('broken'), content('good')?.kind], [undefined, 'certificate']);
  assert.deepEqual(await update(identity.certPem), []);
  const lastGood = content('broken');
  await update('none');
  assert.equal(content('broken'), lastGood);
});

test('what configuration itself gets wrong still refuses all of it', async (t) => {
  const plane = new DataPlane();
  t.after(() => plane.close());
  const clusters = [cluster('other', applications[0]!), { ...named({ cert: 'broken.pem' }), lb_policy: 'MAGLEV' }];
  const config = read({ clusters: clusters.map(untyped) });
  await assert.rejects(plane.apply(config), /cluster "named": lb_policy MAGLEV is not supported/);
  assert.equal(plane.runtime.clusters.at('other').current, undefined);
});
