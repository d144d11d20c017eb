/** A change compiles again what can see it and nothing else: counted, for every kind of resource. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseGateway } from '../gateway/parse.ts';
import { parseAuthorizationPolicy } from '../resources/authorization-policy.ts';
import { parsePeerAuthentication } from '../resources/peer-authentication.ts';
import { parseRequestAuthentication } from '../resources/request-authentication.ts';
import { parseDestinationRule } from './destination-rule.ts';
import { createMemo, type Memo } from './memo.ts';
import type { MeshService, MeshSnapshot, Workload } from './model.ts';
import { compileProxy } from './proxy.ts';
import { service, snapshot } from './testing/snapshot.ts';
import { parseVirtualService } from './virtual-service/parse.ts';

const placed = (name: string, namespace: string, octet: number): MeshService => {
  const { endpoints, ...made } = service(name, `10.96.0.${octet}`, { 80: 'http' }, `10.244.1.${octet}`);
  return {
    ...made,
    namespace,
    hostname: `${name}.${namespace}.svc.cluster.local`,
    endpoints: endpoints.map((endpoint) => ({ ...endpoint, namespace })),
  };
};
const services = [placed('web', 'shop', 1), placed('db', 'shop', 2), placed('teller', 'bank', 3), placed('vault', 'bank', 4)];
const gatewayService = placed('gw', 'istio-system', 5);
const proxyOf = ({ name, namespace, endpoints }: MeshService): Workload => ({
  namespace,
  name,
  labels: { app: name },
  addresses: [endpoints[0]!.address],
  serviceAccount: name,
  isGateway: name === 'gw',
  interception: 'redirect',
});
const proxies = [...services, gatewayService].map(proxyOf);

const object = (kind: string, namespace: string, spec: object, name: string) => ({
  apiVersion: 'test/v1',
  kind,
  metadata: { name, namespace },
  spec,
});
const domain = 'cluster.local';
const make = {
  authorizationPolicies: (namespace: string, spec: object, name = 'a') =>
    parseAuthorizationPolicy(object('AuthorizationPolicy', namespace, spec, name)),
  peerAuthentications: (namespace: string, spec: object, name = 'a') =>
    parsePeerAuthentication(object('PeerAuthentication', namespace, spec, name)),
  requestAuthentications: (namespace: string, spec: object, name = 'a') =>
    parseRequestAuthentication(object('RequestAuthentication', namespace, spec, name)),
  destinationRules: (namespace: string, spec: object, name = 'a') =>
    parseDestinationRule(object('DestinationRule', namespace, spec, name), domain),
  virtualServices: (namespace: string, spec: object, name = 'a') =>
    parseVirtualService(object('VirtualService', namespace, spec, name), domain),
  gateways: (namespace: string, spec: object, name = 'a') => parseGateway(object('Gateway', namespace, spec, name)),
};
const door = { selector: { app: 'gw' }, servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }] };
const throughDoor = {
  hosts: ['*'],
  gateways: ['istio-system/door'],
  http: [{ route: [{ destination: { host: 'web.shop.svc.cluster.local' } }] }],
};
const base: MeshSnapshot = {
  ...snapshot({ services: [...services, gatewayService] }),
  gateways: [make.gateways('istio-system', door, 'door')],
  virtualServices: [make.virtualServices('istio-system', throughDoor, 'through')],
};

/** Costly steps, by the first word of what remembers them. */
const steps = ['inbound', 'outbound', 'target', 'gateway'];

/** @returns proxies whose configuration is another after the change, and how often each costly step was taken */
function effect(change: Partial<MeshSnapshot>): { readonly changed: string; readonly made: Readonly<Record<string, number>> } {
  const { memo, sweep } = createMemo();
  let made: Record<string, number> = {};
  const counting: Memo = (key, inputs, compile) =>
    memo(key, inputs, () => {
      const step = key.split(' ')[0]!;
      if (steps.includes(step)) made[step] = (made[step] ?? 0) + 1;
      return compile();
    });
  const compileAll = (current: MeshSnapshot) => {
    const configs = proxies.map((proxy) => compileProxy(current, proxy, counting));
    sweep();
    return configs;
  };
  // Again and again without a change, as pushes for other ends do.
  const before = [1, 2, 3].map(() => compileAll(base)).at(-1)!;
  assert.deepEqual(made, { inbound: 4, outbound: 2, target: 5, gateway: 1 });
  made = {};
  const after = compileAll({ ...base, ...change });
  const changed = proxies.filter((_, index) => after[index] !== before[index]).map(({ name }) => name);
  return { changed: changed.join(' '), made };
}

const forDb = { selector: { matchLabels: { app: 'db' } } };
const toVault = { hosts: ['vault.bank.svc.cluster.local'], http: [{ route: [{ destination: { host: 'vault.bank.svc.cluster.local' } }] }] };
const disabled = (host: string) => ({ host, trafficPolicy: { tls: { mode: 'DISABLE' } } });
const rows: readonly (readonly [what: string, change: Partial<MeshSnapshot>, changed: string, made: Readonly<Record<string, number>>])[] = [
  ['nothing', {}, '', {}],
  [
    'lists made anew of the same resources',
    { services: [...base.services], gateways: [...base.gateways], virtualServices: [...base.virtualServices] },
    '',
    {},
  ],
  [
    'a policy for one workload',
    { authorizationPolicies: [make.authorizationPolicies('shop', { ...forDb, rules: [{}] })] },
    'db',
    { inbound: 1 },
  ],
  ['a policy for a namespace', { authorizationPolicies: [make.authorizationPolicies('bank', {})] }, 'teller vault', { inbound: 2 }],
  [
    'a policy for the mesh',
    { authorizationPolicies: [make.authorizationPolicies('istio-system', {})] },
    'web db teller vault gw',
    { inbound: 4, gateway: 1 },
  ],
  ['a policy elsewhere', { authorizationPolicies: [make.authorizationPolicies('empty', {})] }, '', {}],
  [
    'tokens for one workload',
    {
      requestAuthentications: [
        make.requestAuthentications('shop', { ...forDb, jwtRules: [{ issuer: 'i', jwksUri: 'https://example.com/keys' }] }),
      ],
    },
    'db',
    { inbound: 1 },
  ],
  [
    'mTLS of one workload',
    { peerAuthentications: [make.peerAuthentications('shop', { ...forDb, mtls: { mode: 'STRICT' } })] },
    'db',
    { inbound: 1 },
  ],
  // Every client asks whether that namespace's services take mTLS.
  [
    'mTLS of a namespace',
    { peerAuthentications: [make.peerAuthentications('shop', { mtls: { mode: 'STRICT' } })] },
    'web db teller vault gw',
    { inbound: 2, target: 5, gateway: 1 },
  ],
  [
    'a rule of the service’s namespace',
    { destinationRules: [make.destinationRules('bank', disabled('vault'))] },
    'web db teller vault',
    { target: 1 },
  ],
  [
    'a rule of the clients’ namespace',
    { destinationRules: [make.destinationRules('shop', disabled('vault.bank.svc.cluster.local'))] },
    'web db',
    { target: 1 },
  ],
  ['a rule for a host that is no service', { destinationRules: [make.destinationRules('shop', disabled('example.com'))] }, '', {}],
  [
    'routes of the service’s namespace',
    { virtualServices: [...base.virtualServices, make.virtualServices('bank', toVault)] },
    'web db teller vault',
    { outbound: 2 },
  ],
  [
    'routes of the clients’ namespace',
    { virtualServices: [...base.virtualServices, make.virtualServices('shop', toVault)] },
    'web db',
    { outbound: 1 },
  ],
  ['routes at the gateway', { virtualServices: [make.virtualServices('istio-system', throughDoor, 'other')] }, 'gw', { gateway: 1 }],
  [
    'another gateway’s routes',
    { virtualServices: [...base.virtualServices, make.virtualServices('bank', { ...throughDoor, gateways: ['bank/none'] })] },
    '',
    {},
  ],
  ['the gateway', { gateways: [make.gateways('istio-system', door, 'door')] }, 'gw', { gateway: 1 }],
  [
    'a gateway for nobody’s pods',
    { gateways: [...base.gateways, make.gateways('bank', { ...door, selector: { app: 'none' } }, 'none')] },
    '',
    {},
  ],
];

for (const [what, change, changed, made] of rows) test(what, () => assert.deepEqual(effect(change), { changed, made }));

test('an endpoint: every client’s list, one cluster compiled, and the gateway that leads there', () => {
  const moved = (name: string) =>
    [...services, gatewayService].map((one) =>
      one.name === name ? { ...one, endpoints: one.endpoints.map((endpoint) => ({ ...endpoint, isReady: false })) } : one,
    );
  assert.deepEqual(effect({ services: moved('db') }), { changed: 'web db teller vault', made: { target: 1 } });
  assert.deepEqual(effect({ services: moved('web') }), { changed: 'web db teller vault gw', made: { target: 1, gateway: 1 } });
});
