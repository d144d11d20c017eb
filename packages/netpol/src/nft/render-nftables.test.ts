import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { compilePolicies, PolicyCompiler } from '../compile/compile.ts';
import type { ClusterSnapshot } from '../model.ts';
import { podsOf, policy, viewOf } from '../testing/fixtures.ts';
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

  it('a node has nothing of the policies of pods that run elsewhere', () => {
    const { text } = renderNftables(compilePolicies(before), viewOf(before, 'node2'));
    assert.doesNotMatch(text, /10\.244\.0\.2 : goto/);
    assert.doesNotMatch(text, /203\.0\.113/);
  });

  it('a pod that comes and goes elsewhere is one element of a set', () => {
    const compiler = new PolicyCompiler().update(before);
    const { ruleset } = renderNftables(compiler, viewOf(before, 'node1'));
    const [more] = podsOf({ 'default/more': { labels: { app: 'web' }, node: 'node2', ips: ['10.244.0.9'] } });
    const came = renderNftables(compiler.update({ ...before, pods: [...before.pods, more!] }), viewOf(before, 'node1'), ruleset);
    assert.match(came.text, /^add element inet palisade-netpol s4_[0-9a-f]{12} \{ 10\.244\.0\.9 \}\n$/);
    const went = renderNftables(compiler.update(before), viewOf(before, 'node1'), came.ruleset);
    assert.match(went.text, /^delete element inet palisade-netpol s4_[0-9a-f]{12} \{ 10\.244\.0\.9 \}\n$/);
  });

  it('a table that missed a change is brought up to date whatever it missed', () => {
    const compiler = new PolicyCompiler().update(before);
    const { ruleset } = renderNftables(compiler, viewOf(before, 'node1'));
    const [more, other] = podsOf({
      'default/more': { labels: { app: 'web' }, node: 'node2', ips: ['10.244.0.9'] },
      'default/other': { labels: { app: 'web' }, node: 'node2', ips: ['10.244.0.10'] },
    });
    compiler.update({ ...before, pods: [...before.pods, more!] });
    const late = renderNftables(compiler.update({ ...before, pods: [...before.pods, other!] }), viewOf(before, 'node1'), ruleset);
    assert.match(late.text, /^flush set .*\nadd element .* \{ 10\.244\.0\.3, 10\.244\.0\.10 \}\n$/);
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
