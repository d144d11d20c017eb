import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubernetesObject } from '@palisade/kubernetes';
import fc from 'fast-check';
import { decideEndpoints, type EndpointGroup } from './endpoint.ts';
import { renderEndpoints } from './legacy.ts';
import { decideSlices, MAX_ENDPOINTS } from './slices.ts';

function service(spec: object = {}): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'shop', uid: 'svc', labels: { team: 'a' } },
    spec: { selector: { app: 'web' }, ipFamilies: ['IPv4'], ports: [{ port: 80, protocol: 'TCP', targetPort: 8080 }], ...spec },
  };
}

interface PodOptions {
  ips?: string[];
  ready?: boolean;
  phase?: string;
  isDeleting?: boolean;
  spec?: object;
}

function pod(
  name: string,
  { ips = ['10.0.0.1', 'fd00::1'], ready = true, phase = 'Running', isDeleting = false, spec = {} }: PodOptions = {},
): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'shop', uid: `uid-${name}`, ...(isDeleting ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}) },
    spec: { nodeName: 'n', containers: [{ name: 'c' }], ...spec },
    status: { phase, podIPs: ips.map((ip) => ({ ip })), conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  };
}

const show = (groups: readonly EndpointGroup[]) =>
  groups.map(({ addressType, ports, endpoints }) => {
    const states = endpoints.map(({ addresses, conditions: { ready, serving, terminating }, hostname }) =>
      [
        addresses.join('+'),
        ready ? 'ready' : '',
        serving ? 'serving' : '',
        terminating ? 'terminating' : '',
        hostname ? `as ${hostname}` : '',
      ]
        .filter((word) => word !== '')
        .join(' '),
    );
    return `${addressType} ${ports.map((port) => `${port.name}/${port.port}/${port.protocol}`).join()}: ${states.join(', ')}`;
  });

test('which pods stand behind a service, and in which state', () => {
  const named = (containerPort: number) => ({ containers: [{ name: 'c', ports: [{ name: 'http', containerPort }] }] });
  const byName = { ports: [{ name: 'web', port: 80, targetPort: 'http' }] };
  const cases: [string, object, KubernetesObject[], string[]][] = [
    ['ready', {}, [pod('a')], ['IPv4 /8080/TCP: 10.0.0.1 ready serving']],
    ['not ready', {}, [pod('a', { ready: false })], ['IPv4 /8080/TCP: 10.0.0.1']],
    ['published all the same', { publishNotReadyAddresses: true }, [pod('a', { ready: false })], ['IPv4 /8080/TCP: 10.0.0.1 ready']],
    ['going, still serving', {}, [pod('a', { isDeleting: true })], ['IPv4 /8080/TCP: 10.0.0.1 serving terminating']],
    ['ended', {}, [pod('a', { phase: 'Succeeded' }), pod('b', { phase: 'Failed' })], []],
    ['without address', {}, [pod('a', { ips: [] })], []],
    [
      'IPv6 first',
      { ipFamilies: ['IPv6', 'IPv4'] },
      [pod('a')],
      ['IPv6 /8080/TCP: fd00::1 ready serving', 'IPv4 /8080/TCP: 10.0.0.1 ready serving'],
    ],
    [
      'a family the pod lacks',
      { ipFamilies: ['IPv4', 'IPv6'] },
      [pod('a', { ips: ['10.0.0.1'] })],
      ['IPv4 /8080/TCP: 10.0.0.1 ready serving'],
    ],
    [
      'a port name of two meanings',
      byName,
      [pod('a', { spec: named(8080) }), pod('b', { spec: named(9090), ips: ['10.0.0.2'] })],
      ['IPv4 web/8080/TCP: 10.0.0.1 ready serving', 'IPv4 web/9090/TCP: 10.0.0.2 ready serving'],
    ],
    ['a port name nobody has', byName, [pod('a')], []],
    [
      'a port name of another protocol',
      { ports: [{ port: 80, protocol: 'UDP', targetPort: 'http' }] },
      [pod('a', { spec: named(8080) })],
      [],
    ],
    [
      'a sidecar has the port',
      byName,
      [pod('a', { spec: { initContainers: [{ name: 's', restartPolicy: 'Always', ports: [{ name: 'http', containerPort: 15000 }] }] } })],
      ['IPv4 web/15000/TCP: 10.0.0.1 ready serving'],
    ],
    [
      'an ordinary init container does not count',
      byName,
      [pod('a', { spec: { initContainers: [{ name: 's', ports: [{ name: 'http', containerPort: 15000 }] }] } })],
      [],
    ],
    ['no targetPort', { ports: [{ port: 80 }] }, [pod('a')], ['IPv4 /80/TCP: 10.0.0.1 ready serving']],
    ['headless, no ports', { clusterIP: 'None', ports: undefined }, [pod('a')], ['IPv4 : 10.0.0.1 ready serving']],
    ['its own name', {}, [pod('a', { spec: { hostname: 'a-0', subdomain: 'web' } })], ['IPv4 /8080/TCP: 10.0.0.1 ready serving as a-0']],
    [
      'name under another service',
      {},
      [pod('a', { spec: { hostname: 'a-0', subdomain: 'other' } })],
      ['IPv4 /8080/TCP: 10.0.0.1 ready serving'],
    ],
  ];
  for (const [name, spec, pods, wanted] of cases) assert.deepEqual(show(decideEndpoints(service(spec), pods)), wanted, name);
});

test('Endpoints: first family, ready and not ready apart, going pods left out', () => {
  const pods = [
    pod('b', { ips: ['10.0.0.2'] }),
    pod('a'),
    pod('c', { ips: ['10.0.0.3'], ready: false }),
    pod('d', { ips: ['10.0.0.4'], isDeleting: true }),
  ];
  const endpoints = renderEndpoints(service({ ipFamilies: ['IPv4', 'IPv6'], clusterIP: 'None' }), pods, undefined);
  assert.deepEqual(endpoints.metadata.labels, {
    team: 'a',
    'endpoints.kubernetes.io/managed-by': 'endpoint-controller',
    'service.kubernetes.io/headless': '',
  });
  const ips = (addresses: { ip: string }[]) => addresses.map(({ ip }) => ip);
  const [subset, ...others] = endpoints['subsets'];
  assert.deepEqual(
    [ips(subset.addresses), ips(subset.notReadyAddresses), subset.ports, others],
    [['10.0.0.1', '10.0.0.2'], ['10.0.0.3'], [{ port: 8080, protocol: 'TCP' }], []],
  );
  assert.equal(renderEndpoints(service(), [], undefined)['subsets'], undefined);
});

/** Applies changes as the API server would. */
function apply(existing: KubernetesObject[], changes: ReturnType<typeof decideSlices>, serial: { next: number }): KubernetesObject[] {
  const kept = existing
    .filter((slice) => !changes.remove.includes(slice))
    .map((slice) => changes.update.find((other) => other.metadata.name === slice.metadata.name) ?? slice);
  return [...kept, ...changes.create.map((slice) => ({ ...slice, metadata: { ...slice.metadata, name: `web-${serial.next++}` } }))];
}

test('slices hold exactly the endpoints, none above the limit, and rest when nothing changes', () => {
  const address = fc.nat({ max: 400 });
  fc.assert(
    fc.property(
      fc.array(fc.uniqueArray(address, { maxLength: 260, size: 'max' }), { minLength: 1, maxLength: 4, size: 'max' }),
      fc.boolean(),
      (rounds, isDual) => {
        const wanted = service(isDual ? { ipFamilies: ['IPv4', 'IPv6'] } : {});
        const serial = { next: 0 };
        let slices: KubernetesObject[] = [];
        for (const numbers of rounds) {
          const pods = numbers.map((number) =>
            pod(`p${number}`, { ips: [`10.0.${number >> 8}.${number & 255}`, `fd00::${number.toString(16)}`] }),
          );
          const before = new Map<string, string | undefined>(
            slices.flatMap((slice) =>
              slice['endpoints'].map((endpoint: { addresses: string[] }) => [endpoint.addresses[0], slice.metadata.name]),
            ),
          );
          slices = apply(slices, decideSlices(wanted, decideEndpoints(wanted, pods), slices), serial);
          for (const family of isDual ? ['IPv4', 'IPv6'] : ['IPv4']) {
            const mine = slices.filter((slice) => slice['addressType'] === family);
            const found = mine.flatMap((slice) => slice['endpoints'].map((endpoint: { addresses: string[] }) => endpoint.addresses[0]));
            assert.deepEqual(found.sort(), pods.map((each) => each['status'].podIPs[family === 'IPv4' ? 0 : 1].ip).sort());
            assert.ok(mine.length >= 1 && mine.every((slice) => slice['endpoints'].length <= MAX_ENDPOINTS));
          }
          for (const slice of slices) {
            for (const endpoint of slice['endpoints'])
              assert.ok([undefined, slice.metadata.name].includes(before.get(endpoint.addresses[0])), 'endpoints stay where they are');
          }
          assert.deepEqual(decideSlices(wanted, decideEndpoints(wanted, pods), slices), { create: [], update: [], remove: [] });
        }
      },
    ),
    { numRuns: 40, endOnFailure: true },
  );
});

test('a slice carries the service: labels, owner, family', () => {
  const { create } = decideSlices(service({ clusterIP: 'None' }), [], []);
  assert.equal(create.length, 1, 'one empty slice shows that the service is known');
  const [slice] = create;
  assert.deepEqual(slice!.metadata.labels, {
    team: 'a',
    'service.kubernetes.io/headless': '',
    'kubernetes.io/service-name': 'web',
    'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
  });
  assert.deepEqual(
    [slice!.metadata.generateName, slice!['addressType'], slice!['endpoints'], slice!.metadata.ownerReferences?.[0]?.uid],
    ['web-', 'IPv4', [], 'svc'],
  );
});
