import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compilePolicies } from '@palisade/netpol';
import { forbiddenFlows, parseConntrack } from './connection-end.ts';

const listing = `udp      17 29 src=10.244.1.2 dst=10.96.0.10 sport=40000 dport=53 src=10.244.2.3 dst=10.244.1.2 sport=5353 dport=40000 [ASSURED] mark=0 use=1
udp      17 12 src=fd00:244:1::2 dst=fd00:244:2::3 sport=40001 dport=5353 [UNREPLIED] src=fd00:244:2::3 dst=fd00:244:1::2 sport=5353 dport=40001 mark=0 use=1
icmp     1 29 src=10.244.1.2 dst=10.244.2.3 type=8 code=0 id=1 src=10.244.2.3 dst=10.244.1.2 type=0 code=0 id=1 mark=0 use=1
tcp      6 431999 ESTABLISHED src=10.244.1.2 dst=10.244.2.3 sport=1 dport=2 src=10.244.2.3 dst=10.244.1.2 sport=2 dport=1 [ASSURED] mark=0 use=1
sctp     132 3 COOKIE_WAIT src=10.244.1.2 dst=10.244.2.3 sport=5 dport=6 src=10.244.2.3 dst=10.244.1.2 sport=6 dport=5 mark=0 use=1
udp      17 29 src=nonsense dst=10.96.0.10 sport=1 dport=53 src=10.244.2.3 dst=10.244.1.2 sport=5353 dport=1
`;

test('flows are read with the endpoint behind the translation', () => {
  assert.deepEqual(
    parseConntrack(listing).map(({ protocol, original, endpoint }) => [
      protocol,
      original.destination,
      original.sourcePort,
      endpoint.ip,
      endpoint.port,
    ]),
    [
      ['udp', '10.96.0.10', 40000, '10.244.2.3', 5353],
      ['udp', 'fd00:244:2::3', 40001, 'fd00:244:2::3', 5353],
      ['sctp', '10.244.2.3', 5, '10.244.2.3', 6],
    ],
  );
});

test('only what the policies forbid is to end', () => {
  const pod = (name: string, ips: string[]) => ({ namespace: 'default', name, labels: { app: name }, ips, ports: [] });
  const pods = [pod('a', ['10.244.1.2', 'fd00:244:1::2']), pod('c', ['10.244.2.3', 'fd00:244:2::3'])];
  const spec = {
    podSelector: { matchLabels: { app: 'c' } },
    policyTypes: ['Ingress'],
    ingress: [{ ports: [{ protocol: 'SCTP', port: 6 }] }],
  };
  const policy = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { namespace: 'default', name: 'p' }, spec };
  const compiled = (networkPolicies: unknown[]) =>
    compilePolicies({ namespaces: [{ name: 'default', labels: {} }], pods, networkPolicies });
  const flows = parseConntrack(listing);
  assert.deepEqual(forbiddenFlows(flows, compiled([])), []);
  assert.deepEqual(
    forbiddenFlows(flows, compiled([policy])).map((flow) => flow.protocol),
    ['udp', 'udp'],
  );
});
