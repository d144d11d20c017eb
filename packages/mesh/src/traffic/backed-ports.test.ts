import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backedPorts } from './backed-ports.ts';
import type { MeshService, Workload } from './model.ts';

const service = (
  name: string,
  namespace: string,
  endpoints: readonly [address: string, portName: string, port: number][],
): MeshService => ({
  name,
  namespace,
  hostname: `${name}.${namespace}.svc.cluster.local`,
  addresses: [],
  ports: [{ name: 'http', port: 80, protocol: 'http' }],
  endpoints: endpoints.map(([address, portName, port]) => ({
    address,
    portName,
    port,
    isReady: true,
    namespace,
    labels: {},
    acceptsMtls: true,
  })),
});
const workload = (...addresses: string[]): Workload => ({
  namespace: 'shop',
  name: 'p',
  labels: {},
  addresses,
  serviceAccount: 'default',
  isGateway: false,
  interception: 'redirect',
});
const rows = (services: readonly MeshService[], ...addresses: string[]) =>
  backedPorts(services, workload(...addresses)).map((each) => [each.service.name, each.port.port, each.targetPort]);

test('services of the workload’s namespace that have one of its addresses, in their order', () => {
  const services = [
    service('six', 'shop', [['fd00::1', 'http', 8081]]),
    service('four', 'shop', [
      ['10.0.0.2', 'http', 9],
      ['10.0.0.1', 'http', 8080],
      ['10.0.0.1', 'gone', 7],
    ]),
    service('foreign', 'bank', [['10.0.0.1', 'http', 8080]]),
    service('both', 'shop', [
      ['fd00::1', 'http', 8082],
      ['10.0.0.1', 'http', 8082],
    ]),
  ];
  assert.deepEqual(rows(services, '10.0.0.1'), [
    ['four', 80, 8080],
    ['both', 80, 8082],
  ]);
  assert.deepEqual(rows(services, '10.0.0.1', 'fd00::1'), [
    ['six', 80, 8081],
    ['four', 80, 8080],
    ['both', 80, 8082],
    ['both', 80, 8082],
  ]);
  assert.deepEqual([rows(services), rows(services, '10.9.9.9')], [[], []]);
});

test('the services are gone through once for all workloads', () => {
  let looks = 0;
  const one = service('web', 'shop', []);
  const services = [
    {
      ...one,
      get endpoints() {
        looks++;
        return one.endpoints;
      },
    },
  ];
  for (let last = 1; last < 100; last++) backedPorts(services, workload(`10.0.0.${last}`));
  assert.equal(looks, 1);
});
