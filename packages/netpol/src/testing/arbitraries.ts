// Random clusters, policies and packets for the property tests of this package.
import fc from 'fast-check';
import type { Packet } from '../evaluate.ts';
import type { ClusterSnapshot } from '../model.ts';
import { type PodSketch, podsOf } from './fixtures.ts';

const namespaceNames = ['a', 'b', 'c'] as const;
const keys = ['app', 'tier'] as const;
const values = ['x', 'y', 'z'] as const;
const portNumbers = [80, 81, 443, 8080] as const;
const portNames = ['http', 'web'] as const;
const protocols = ['TCP', 'UDP', 'SCTP'] as const;

const labels = fc.dictionary(fc.constantFrom(...keys), fc.constantFrom(...values), { maxKeys: 2 });
const expression = fc.oneof(
  fc.record({
    key: fc.constantFrom(...keys),
    operator: fc.constantFrom('In', 'NotIn'),
    values: fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 2 }),
  }),
  fc.record({ key: fc.constantFrom(...keys), operator: fc.constantFrom('Exists', 'DoesNotExist') }),
);
const selector = fc.oneof(
  { weight: 1, arbitrary: fc.constant({}) },
  { weight: 2, arbitrary: labels.map((matchLabels) => ({ matchLabels })) },
  { weight: 1, arbitrary: fc.record({ matchExpressions: fc.array(expression, { minLength: 1, maxLength: 2 }) }) },
);
const namespaceSelector = fc.oneof(
  selector,
  fc.constantFrom(...namespaceNames).map((name) => ({ matchLabels: { 'kubernetes.io/metadata.name': name } })),
);

const cidr = fc.constantFrom('10.244.0.0/29', '10.244.0.2/32', '0.0.0.0/0', '203.0.113.0/24', 'fd00:244::/125', '::/0', '192.168.0.0/24');
const ipBlock = fc.oneof(
  cidr.map((text) => ({ cidr: text })),
  fc.constant({ cidr: '10.244.0.0/16', except: ['10.244.0.0/30', '10.244.0.6/32'] }),
);
const peer = fc.oneof(
  fc.record({ podSelector: selector }),
  fc.record({ namespaceSelector }),
  fc.record({ podSelector: selector, namespaceSelector }),
  fc.record({ ipBlock }),
);
const port = fc.oneof(
  fc.record({ port: fc.constantFrom(...portNumbers), protocol: fc.constantFrom(...protocols) }),
  fc.record({ port: fc.constantFrom(...portNames), protocol: fc.constantFrom(...protocols) }),
  fc.constant({ port: 80, endPort: 443 }),
  fc.record({ protocol: fc.constantFrom(...protocols) }),
);
const rules = (field: 'from' | 'to') =>
  fc.array(fc.record({ [field]: fc.array(peer, { maxLength: 3 }), ports: fc.array(port, { maxLength: 3 }) }, { requiredKeys: [] }), {
    maxLength: 3,
  });

/** Now and then a policy that is refused. */
const broken = fc.record({ podSelector: selector, ingress: fc.constant([{ from: [{}] }]) });
const networkPolicySpec = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record(
      {
        podSelector: selector,
        policyTypes: fc.uniqueArray(fc.constantFrom('Ingress', 'Egress'), { maxLength: 2 }),
        ingress: rules('from'),
        egress: rules('to'),
      },
      { requiredKeys: ['podSelector'] },
    ),
  },
  { weight: 1, arbitrary: broken },
);

const clusterPeer = fc.oneof(
  fc.record({ namespaces: namespaceSelector }),
  fc.record({ pods: fc.record({ namespaceSelector, podSelector: selector }) }),
);
const outsidePeer = fc.oneof(
  fc.record({ networks: fc.array(cidr, { minLength: 1, maxLength: 2 }) }),
  fc.constantFrom({ nodes: {} }, { nodes: { matchLabels: { app: 'x' } } }),
  fc.constantFrom('a.example.com', '*.example.com').map((name) => ({ domainNames: [name] })),
);
const numericProtocol = fc.oneof(
  fc.constantFrom(...portNumbers).map((number) => ({ tcp: { destinationPort: { number } } })),
  fc.constant({ udp: { destinationPort: { range: { start: 80, end: 443 } } } }),
  fc.constant({ sctp: {} }).map(() => ({ sctp: { destinationPort: { number: 80 } } })),
);
const anyProtocol = fc.oneof(
  numericProtocol,
  fc.constantFrom(...portNames).map((destinationNamedPort) => ({ destinationNamedPort })),
);
const clusterRule = (field: 'from' | 'to', peers: fc.Arbitrary<unknown>, ports: fc.Arbitrary<unknown>) =>
  fc.record(
    {
      action: fc.constantFrom('Accept', 'Deny', 'Pass'),
      [field]: fc.array(peers, { minLength: 1, maxLength: 2 }),
      protocols: fc.array(ports, { minLength: 1, maxLength: 2 }),
    },
    { requiredKeys: ['action', field] },
  );
const clusterPolicySpec = fc.record({
  tier: fc.constantFrom('Admin', 'Baseline'),
  priority: fc.integer({ min: 0, max: 5 }),
  subject: clusterPeer,
  ingress: fc.array(clusterRule('from', clusterPeer, anyProtocol), { maxLength: 3 }),
  egress: fc.array(
    fc.oneof(clusterRule('to', clusterPeer, anyProtocol), clusterRule('to', fc.oneof(clusterPeer, outsidePeer), numericProtocol)),
    { maxLength: 3 },
  ),
});

const auditMode = fc.oneof(
  { weight: 4, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.constant({ 'palisade.dev/audit': 'true' }) },
);

const podSketch: fc.Arbitrary<PodSketch> = fc.record({
  labels,
  node: fc.constantFrom('node1', 'node2'),
  ports: fc.uniqueArray(
    fc.record({ name: fc.constantFrom(...portNames), protocol: fc.constantFrom(...protocols), port: fc.constantFrom(...portNumbers) }),
    {
      maxLength: 2,
      selector: (named) => named.name,
    },
  ),
});

const nodes = [
  { name: 'node1', labels: { app: 'x' }, addresses: ['192.168.0.1', 'fd00:1::1'] },
  { name: 'node2', labels: {}, addresses: ['192.168.0.2', 'fd00:1::2'] },
];

const domainAddresses = [
  new Map(),
  new Map([['a.example.com', ['203.0.113.7', '2001:db8::1']]]),
  new Map([
    ['a.example.com', ['198.51.100.1']],
    ['b.example.com', ['203.0.113.7', '10.244.0.2']],
  ]),
];

/** At most 7 pods: with their addresses they fit the prefixes above in every way. */
export const clusterArbitrary: fc.Arbitrary<ClusterSnapshot> = fc
  .record({
    namespaceLabels: fc.tuple(labels, labels, labels),
    pods: fc.array(fc.tuple(fc.constantFrom(...namespaceNames), podSketch), { minLength: 2, maxLength: 7 }),
    policies: fc.array(fc.tuple(fc.constantFrom(...namespaceNames), networkPolicySpec, auditMode), { maxLength: 5 }),
    clusterPolicies: fc.array(fc.tuple(clusterPolicySpec, auditMode), { maxLength: 3 }),
    domainAddresses: fc.constantFrom(...domainAddresses),
  })
  .map(({ namespaceLabels, pods, policies, clusterPolicies, ...rest }) => ({
    ...rest,
    namespaces: namespaceNames.map((name, index) => ({ name, labels: namespaceLabels[index]! })),
    pods: podsOf(Object.fromEntries(pods.map(([namespace, sketch], index) => [`${namespace}/p${index}`, sketch]))),
    nodes,
    networkPolicies: policies.map(([namespace, spec, annotations], index) => ({
      metadata: { namespace, name: `np${index}`, annotations },
      spec,
    })),
    clusterPolicies: clusterPolicies.map(([spec, annotations], index) => ({
      apiVersion: 'policy.networking.k8s.io/v1alpha2',
      kind: 'ClusterNetworkPolicy',
      metadata: { name: `cnp${index}`, annotations },
      spec,
    })),
  }));

type Fate = 'keep' | 'replace' | 'remove';

/** The old objects with some of them gone, and some of the new ones in their place; what is kept is the same object. */
function mix<T>(old: readonly T[], fresh: readonly T[], keyOf: (object: T) => string, fates: readonly Fate[]): T[] {
  const mixed = new Map(old.map((object) => [keyOf(object), object]));
  for (const [index, object] of fresh.entries()) {
    const fate = fates[index % fates.length]!;
    if (fate === 'replace') mixed.set(keyOf(object), object);
    if (fate === 'remove') mixed.delete(keyOf(object));
  }
  return [...mixed.values()];
}

const nameOf = (object: unknown): string => {
  const { namespace, name } = (object as { metadata: { namespace?: string; name: string } }).metadata;
  return `${namespace}/${name}`;
};

/** A cluster as it changes, step by step. Now and then two pods claim one address. */
export const historyArbitrary: fc.Arbitrary<readonly ClusterSnapshot[]> = fc
  .tuple(
    clusterArbitrary,
    fc.array(
      fc.tuple(
        clusterArbitrary,
        fc.array(fc.constantFrom<Fate>('keep', 'replace', 'remove', 'keep'), { minLength: 1, maxLength: 5 }),
        fc.boolean(),
      ),
      { minLength: 1, maxLength: 5 },
    ),
  )
  .map(([first, steps]) => {
    const history: ClusterSnapshot[] = [first];
    for (const [fresh, fates, movesNodes] of steps) {
      const old = history.at(-1)!;
      history.push({
        namespaces: fates[0] === 'replace' ? fresh.namespaces : mix(old.namespaces, fresh.namespaces, ({ name }) => name, fates),
        pods: mix(old.pods, fresh.pods, ({ namespace, name }) => `${namespace}/${name}`, fates),
        networkPolicies: mix(old.networkPolicies, fresh.networkPolicies, nameOf, fates),
        clusterPolicies: mix(old.clusterPolicies!, fresh.clusterPolicies!, nameOf, fates.toReversed()),
        nodes: movesNodes
          ? old.nodes!.map((node, index) => ({ ...node, labels: { app: 'xyx'[index + fates.length - 1] ?? 'z' } }))
          : old.nodes!,
        ...((movesNodes ? fresh : old).domainAddresses && { domainAddresses: (movesNodes ? fresh : old).domainAddresses! }),
      });
    }
    return history;
  });

const outside = { 4: ['203.0.113.7', '198.51.100.1', '192.168.0.1', '192.168.0.2'], 6: ['2001:db8::1', 'fd00:1::2'] } as const;

/** A packet of one family between pods, nodes and the outside; at least one end is a pod. */
export function packetArbitrary(snapshot: ClusterSnapshot): fc.Arbitrary<Packet> {
  const ofFamily = (family: 4 | 6) => {
    const pods = snapshot.pods.map((pod) => pod.ips[family === 4 ? 0 : 1]!);
    const any = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...pods) }, { weight: 1, arbitrary: fc.constantFrom(...outside[family]) });
    return fc.oneof(fc.tuple(fc.constantFrom(...pods), any), fc.tuple(any, fc.constantFrom(...pods)));
  };
  const transport = fc.oneof(
    { weight: 6, arbitrary: fc.record({ protocol: fc.constantFrom(...protocols), port: fc.constantFrom(...portNumbers, 1, 65_535) }) },
    { weight: 1, arbitrary: fc.constant({ protocol: 'ICMPv4' }) },
  );
  return fc
    .tuple(fc.oneof(ofFamily(4), ofFamily(6)), transport)
    .map(([[src, dst], rest]) => ({ src: { ip: src }, dst: { ip: dst }, ...rest }));
}
