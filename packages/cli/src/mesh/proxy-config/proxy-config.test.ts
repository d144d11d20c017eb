import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderAnswer } from '../../output.ts';
import { readPart } from './dump.ts';
import { answerOf } from './proxy-config.ts';

const part = (name: string, content: object) => ({ '@type': `type.googleapis.com/envoy.admin.v3.${name}ConfigDump`, ...content });
const at = (address: string, port: number) => ({ socket_address: { address, port_value: port } });
const dump = {
  configs: [
    part('Bootstrap', { bootstrap: {} }),
    part('Clusters', {
      static_clusters: [{ cluster: { name: 'xds-grpc', type: 'STATIC' } }],
      dynamic_active_clusters: [
        {
          cluster: {
            name: 'outbound|9080|v1|details.shop.svc.cluster.local',
            type: 'EDS',
            metadata: {
              filter_metadata: {
                istio: { config: '/apis/networking.istio.io/v1alpha3/namespaces/shop/destination-rule/details' },
              },
            },
          },
        },
        { cluster: { name: 'inbound|9080||', type: 'ORIGINAL_DST' } },
      ],
    }),
    part('Endpoints', {
      dynamic_endpoint_configs: [
        {
          endpoint_config: {
            cluster_name: 'outbound|9080|v1|details.shop.svc.cluster.local',
            endpoints: [
              {
                lb_endpoints: [
                  { endpoint: { address: at('10.0.0.2', 9080) }, health_status: 'UNHEALTHY' },
                  { endpoint: { address: at('10.0.0.1', 9080) } },
                  { endpoint: { address: at('fd00::1', 9080) } },
                ],
              },
            ],
          },
        },
      ],
    }),
    part('Listeners', {
      dynamic_listeners: [
        {
          active_state: {
            listener: {
              name: 'virtualInbound',
              address: at('0.0.0.0', 15_006),
              additional_addresses: [{ address: at('::', 15_006) }],
              filter_chains: [
                {
                  filter_chain_match: { destination_port: 9080, transport_protocol: 'tls', application_protocols: ['istio', 'h2'] },
                  filters: [
                    { typed_config: {} },
                    { typed_config: { route_config: { virtual_hosts: [{ routes: [{ route: { cluster: 'inbound|9080||' } }] }] } } },
                  ],
                },
              ],
              default_filter_chain: { filters: [{ typed_config: { cluster: 'InboundPassthroughCluster' } }] },
            },
          },
        },
        {
          active_state: {
            listener: {
              name: '9080',
              address: at('0.0.0.0', 9080),
              filter_chains: [{ filters: [{ typed_config: { rds: { route_config_name: '9080' } } }] }],
            },
          },
        },
      ],
    }),
    part('Routes', {
      dynamic_route_configs: [
        {
          route_config: {
            name: '9080',
            virtual_hosts: [
              {
                name: 'details:9080',
                domains: ['details', 'details.shop', 'details.shop.svc'],
                routes: [
                  {
                    match: { prefix: '/', headers: [{ name: 'end-user' }] },
                    metadata: {
                      filter_metadata: { istio: { config: '/apis/networking.istio.io/v1/namespaces/shop/virtual-service/testers' } },
                    },
                  },
                  { match: { path: '/x' } },
                ],
              },
            ],
          },
        },
      ],
    }),
  ],
};
const now = new Date('2026-01-01T00:00:00Z');
const table = (name: Parameters<typeof readPart>[1], filter = {}) => answerOf(dump, [name], filter, now).text;

test('clusters, by name and by filter', () => {
  assert.equal(
    table('clusters'),
    [
      'SERVICE FQDN                     PORT   SUBSET   DIRECTION   TYPE           DESTINATION RULE',
      '-                                9080   -        inbound     ORIGINAL_DST',
      'details.shop.svc.cluster.local   9080   v1       outbound    EDS            details.shop',
      'xds-grpc                         -      -        -           STATIC',
    ].join('\n'),
  );
  assert.equal(table('clusters', { direction: 'outbound', port: '9080' }).split('\n').length, 2);
  assert.equal(table('clusters', { fqdn: 'ratings' }), 'No clusters.');
});

test('endpoints', () => {
  assert.equal(
    table('endpoints'),
    [
      'ENDPOINT         STATUS      CLUSTER',
      '10.0.0.1:9080    HEALTHY     outbound|9080|v1|details.shop.svc.cluster.local',
      '10.0.0.2:9080    UNHEALTHY   outbound|9080|v1|details.shop.svc.cluster.local',
      '[fd00::1]:9080   HEALTHY     outbound|9080|v1|details.shop.svc.cluster.local',
    ].join('\n'),
  );
  assert.match(table('endpoints', { status: 'unhealthy' }), /^ENDPOINT.*\n10\.0\.0\.2:9080 {3}UNHEALTHY.*$/);
});

test('listeners: one row a chain', () => {
  assert.equal(
    table('listeners'),
    [
      'ADDRESSES    PORT    MATCH                                   DESTINATION',
      '0.0.0.0      9080    ALL                                     Route: 9080',
      '0.0.0.0,::   15006   Trans: tls; App: istio,h2; Port: 9080   Inline Route: inbound|9080||',
      '0.0.0.0,::   15006   otherwise                               Cluster: InboundPassthroughCluster',
    ].join('\n'),
  );
  assert.equal(table('listeners', { type: 'tcp' }).split('\n').length, 2);
});

test('routes', () => {
  assert.equal(
    table('routes'),
    [
      'NAME   VHOST NAME     DOMAINS                          MATCH                  VIRTUAL SERVICE',
      '9080   details:9080   details, details.shop + 1 more   /* headers: end-user   testers.shop',
      '9080   details:9080   details, details.shop + 1 more   /x',
    ].join('\n'),
  );
});

test('for programs: one part is a list, several are named', () => {
  const one = JSON.parse(renderAnswer(answerOf(dump, ['routes'], {}, now), 'json')) as { name: string }[];
  assert.equal(one[0]!.name, '9080');
  const all = answerOf(dump, ['routes', 'clusters'], {}, now);
  assert.match(renderAnswer(all, 'yaml'), /^routes:\n {2}- name: "9080"/);
  assert.throws(() => renderAnswer(all, 'xml'), /expected text, json or yaml/);
  assert.throws(() => readPart({}, 'routes'), /config_dump/);
});
