import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { compilePolicies } from '../compile.ts';
import { podsOf, policy, viewOf } from '../fixtures.ts';
import type { ClusterSnapshot } from '../model.ts';
import { renderNftables } from './render-nftables.ts';

const golden = (name: string) => fileURLToPath(new URL(`../../testdata/${name}`, import.meta.url));
const asIs = { serializers: [(value: unknown) => String(value)] };

const http = { name: 'http', protocol: 'TCP', port: 8080 } as const;
const before: ClusterSnapshot = {
  namespaces: [{ name: 'default', labels: {} }],
  pods: podsOf({
    'default/auth': { labels: { app: 'auth' } },
    'default/db': { labels: { app: 'db' }, ports: [http] },
    'default/web': { labels: { app: 'web' }, node: 'node2' },
  }),
  nodes: [{ name: 'node1', addresses: ['192.168.0.1'] }],
  networkPolicies: [
    policy('default', 'db', {
      podSelector: { matchLabels: { app: 'db' } },
      ingress: [
        { from: [{ podSelector: { matchLabels: { app: 'web' } } }], ports: [{ port: 'http' }] },
        { from: [{ ipBlock: { cidr: '203.0.113.0/24', except: ['203.0.113.7/32'] } }] },
      ],
    }),
    policy('default', 'web', { podSelector: { matchLabels: { app: 'web' } }, policyTypes: ['Ingress'] }),
  ],
};
const after: ClusterSnapshot = {
  ...before,
  networkPolicies: [
    ...before.networkPolicies,
    policy('default', 'auth', {
      podSelector: { matchLabels: { app: 'auth' } },
      policyTypes: ['Egress'],
      egress: [{ ports: [{ port: 'http' }] }],
    }),
  ],
};

describe('renderNftables', () => {
  it('the whole table', (t) => {
    t.assert.fileSnapshot(renderNftables(compilePolicies(before), viewOf(before, 'node1')).text, golden('table.nft'), asIs);
  });

  it('a change is only what changed', (t) => {
    const { ruleset } = renderNftables(compilePolicies(before), viewOf(before, 'node1'));
    t.assert.fileSnapshot(renderNftables(compilePolicies(after), viewOf(after, 'node1'), ruleset).text, golden('change.nft'), asIs);
  });

  it("takes a new pod's addresses from the node, before the API knows them", () => {
    const unaware = { ...before, pods: before.pods.map((pod) => ({ ...pod, ips: [] })) };
    assert.equal(
      renderNftables(compilePolicies(unaware), viewOf(before, 'node1')).text,
      renderNftables(compilePolicies(before), viewOf(before, 'node1')).text,
    );
  });

  it('a pod of the same name and another uid is not in place', () => {
    const view = viewOf(before, 'node1');
    const reborn = { ...view, pods: view.pods.map((pod) => (pod.name === 'auth' ? { ...pod, uid: 'new' } : pod)) };
    const { ruleset } = renderNftables(compilePolicies(before), reborn);
    assert.deepEqual([...ruleset.maps.get('egress_if')!.elements.keys()], ['"vdb"']);
  });

  it('refuses a DNS address the compiler was not told', () => {
    assert.throws(
      () => renderNftables(compilePolicies(before), { ...viewOf(before, 'node1'), dnsServiceIPs: ['10.96.0.10'] }),
      /DNS address "10.96.0.10" is not in the compiled snapshot/,
    );
  });
});
