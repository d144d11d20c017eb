import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseBootstrap, staticResources } from '../config/bootstrap.ts';
import { DataPlane } from '../proxy.ts';
import { allowGetFrom, makeIdentities, serverHop } from '../testing/mesh-bootstrap.ts';
import { addressOf, renderClustersJson } from './clusters.ts';
import { renderConfigDump } from './config-dump.ts';

test('the whole configuration with its endpoints, in Envoy’s shape, without keys', async () => {
  const [identity] = await makeIdentities(['server']);
  const plane = new DataPlane();
  try {
    const options = { listenPort: 0, adminPort: 0, upstreamPort: 9080, logPath: '', statPrefix: 'in' };
    const bootstrap = serverHop(options, identity!, allowGetFrom(identity!.uri));
    await plane.apply(staticResources(parseBootstrap(JSON.stringify(bootstrap), 'test')));
    plane.runtime.secrets.at('default').current = {
      kind: 'certificate',
      certificate: { certPem: identity!.certPem, keyPem: identity!.keyPem, uriSans: [identity!.uri] },
    };
    const text = renderConfigDump(plane);
    const dump = JSON.parse(text) as { configs: Record<string, unknown>[] };
    const fixed = JSON.parse(renderConfigDump(plane, parseBootstrap(JSON.stringify(bootstrap), 'test'))) as typeof dump;
    assert.deepEqual(
      [fixed.configs[1]!['dynamic_active_clusters'], fixed.configs[3]!['dynamic_listeners']],
      [[], []],
      'all of it is the bootstrap’s',
    );
    const { configs } = dump;
    assert.deepEqual(
      configs.map((each) => String(each['@type']).replace('type.googleapis.com/envoy.admin.v3.', '')),
      ['ClustersConfigDump', 'EndpointsConfigDump', 'ListenersConfigDump', 'RoutesConfigDump', 'SecretsConfigDump'],
    );
    assert.match(JSON.stringify(configs[1]), /"socket_address":\{"address":"127.0.0.1","port_value":9080\}\}.*"HEALTHY"/);
    assert.match(JSON.stringify(configs[2]), /"filter_chains":.*"private_key":\{"inline_bytes":"W3JlZGFjdGVkXQ=="\}/);
    assert.match(
      JSON.stringify(configs[4]),
      /"certificate_chain":\{"inline_bytes":"[\w+/=]+"\},"private_key":\{"inline_bytes":"W3JlZGFjdGVkXQ=="\}/,
    );
    const types = [
      ...text.matchAll(/"(?:cluster|endpoint_config|listener|route_config|secret)": \{\s*"@type": "type\.googleapis\.com\/([\w.]+)"/g),
    ];
    assert.deepEqual([...new Set(types.map(([, name]) => name!.split('.').at(-1)))].sort(), [
      'Cluster',
      'ClusterLoadAssignment',
      'Listener',
      'Secret',
    ]);
    const { cluster_statuses: statuses } = JSON.parse(renderClustersJson(plane)) as { cluster_statuses: { host_statuses: object[] }[] };
    assert.match(
      JSON.stringify(statuses),
      /"address":\{"socket_address":\{"address":"127.0.0.1","port_value":9080\}\}.*"eds_health_status":"HEALTHY"/,
    );
    const [own] = fixed.configs;
    assert.equal(own!['@type'], 'type.googleapis.com/envoy.admin.v3.BootstrapConfigDump');
    assert.match(JSON.stringify(own), /"static_resources":.*"private_key":\{"inline_bytes":"W3JlZGFjdGVkXQ=="\}/);
    assert.deepEqual(addressOf({ address: '/run/a.sock', port: 0 }), { pipe: { path: '/run/a.sock' } });
    const key = identity!.keyPem.split('\n')[1]!;
    assert.ok(!text.includes(key) && !text.includes(Buffer.from(identity!.keyPem).toString('base64')), 'no key, in no spelling');
  } finally {
    plane.close();
  }
});
