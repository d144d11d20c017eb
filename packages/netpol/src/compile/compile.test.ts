import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { evaluatePacket } from '../evaluate.ts';
import { podsOf, policy } from '../testing/fixtures.ts';
import { compilePolicies } from './compile.ts';

const pods = podsOf({ 'default/db': { labels: { app: 'db' } }, 'default/web': { labels: { app: 'web' } }, 'other/x': {} });
const compile = (spec: unknown) => compilePolicies({ namespaces: [], pods, networkPolicies: [policy('default', 'p', spec)] });
const rule = (peer: unknown) => ({ podSelector: {}, ingress: [{ from: [peer] }] });
const port = (entry: unknown) => ({ podSelector: {}, ingress: [{ ports: [entry] }] });

/** spec, field path, part of the message */
const refusals: readonly (readonly [spec: unknown, path: string, message: RegExp])[] = [
  // structure
  [{ podSelector: {}, ingres: [] }, 'spec.ingres', /unknown field/],
  [{ podSelector: { app: 'db' } }, 'spec.podSelector.app', /unknown field/],
  [{ podSelector: {}, ingress: {} }, 'spec.ingress', /expected a list/],
  [{ podSelector: {}, ingress: [{ to: [] }] }, 'spec.ingress[0].to', /unknown field, expected one of from, ports/],
  [{ podSelector: {}, policyTypes: ['ingress'] }, 'spec.policyTypes[0]', /expected "Ingress" or "Egress"/],
  // selectors
  [{ podSelector: { matchLabels: { app: 1 } } }, 'spec.podSelector.matchLabels.app', /expected a string/],
  [{ podSelector: { matchLabels: { 'a b': 'x' } } }, 'spec.podSelector.matchLabels', /expected a label key/],
  [{ podSelector: { matchLabels: { app: '-x' } } }, 'spec.podSelector.matchLabels.app', /expected a label value/],
  [
    { podSelector: { matchExpressions: [{ key: 'a', operator: 'In' }] } },
    'spec.podSelector.matchExpressions[0].values',
    /must be given when operator is In/,
  ],
  [
    { podSelector: { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['b'] }] } },
    'spec.podSelector.matchExpressions[0].values',
    /may not be given/,
  ],
  [
    { podSelector: { matchExpressions: [{ key: 'a', operator: 'Equals', values: ['b'] }] } },
    'spec.podSelector.matchExpressions[0].operator',
    /found "Equals"/,
  ],
  // peers
  [rule({}), 'spec.ingress[0].from[0]', /must hold podSelector, namespaceSelector or ipBlock/],
  [rule({ podSelector: null }), 'spec.ingress[0].from[0]', /must hold/],
  [rule({ podSelector: {}, ipBlock: { cidr: '10.0.0.0/8' } }), 'spec.ingress[0].from[0]', /may not be combined/],
  [rule({ ipBlock: {} }), 'spec.ingress[0].from[0].ipBlock.cidr', /missing/],
  [rule({ ipBlock: { cidr: '10.0.0.0/33' } }), 'spec.ingress[0].from[0].ipBlock.cidr', /prefix 33, expected 0 to 32/],
  [rule({ ipBlock: { cidr: '010.0.0.0/8' } }), 'spec.ingress[0].from[0].ipBlock.cidr', /not an IPv4 or IPv6 address/],
  [rule({ ipBlock: { cidr: '::ffff:10.0.0.0/104' } }), 'spec.ingress[0].from[0].ipBlock.cidr', /not an IPv4 or IPv6 address/],
  [rule({ ipBlock: { cidr: '10.0.0.0' } }), 'spec.ingress[0].from[0].ipBlock.cidr', /found no "address\/prefix"/],
  [
    rule({ ipBlock: { cidr: '10.0.0.0/8', except: ['11.0.0.0/16'] } }),
    'spec.ingress[0].from[0].ipBlock.except[0]',
    /expected a strict part of 10.0.0.0\/8/,
  ],
  [rule({ ipBlock: { cidr: '10.0.0.0/8', except: ['10.0.0.0/8'] } }), 'spec.ingress[0].from[0].ipBlock.except[0]', /strict part/],
  // ports
  [port({ port: 0 }), 'spec.ingress[0].ports[0].port', /whole number from 1 to 65535/],
  [port({ port: 65536 }), 'spec.ingress[0].ports[0].port', /whole number from 1 to 65535/],
  [port({ port: 80, endPort: 79 }), 'spec.ingress[0].ports[0].endPort', /from 80 to 65535/],
  [port({ endPort: 79 }), 'spec.ingress[0].ports[0].port', /must be given when endPort is/],
  [port({ port: 'http', endPort: 79 }), 'spec.ingress[0].ports[0].endPort', /may not be given when port is a name/],
  [port({ port: 'HTTP' }), 'spec.ingress[0].ports[0].port', /port number or a port name/],
  [port({ port: 80, protocol: 'tcp' }), 'spec.ingress[0].ports[0].protocol', /expected "TCP" or "UDP" or "SCTP"/],
  // a direction that policyTypes leaves out is checked too
  [{ podSelector: {}, policyTypes: ['Ingress'], egress: [{ ports: [{ port: 0 }] }] }, 'spec.egress[0].ports[0].port', /whole number/],
];

describe('compilePolicies', () => {
  for (const [spec, path, message] of refusals) {
    it(`refuses ${JSON.stringify(spec)}`, () => {
      const { errors } = compile(spec);
      assert.deepEqual(
        errors.map((error) => error.path),
        [path],
      );
      assert.match(errors[0]!.message, message);
      assert.match(errors[0]!.message, /^NetworkPolicy default\/p: spec\./);
    });
  }

  const isAllowed = (spec: unknown, src: string, dst: string) =>
    evaluatePacket(compile(spec), { src: { pod: src }, dst: { pod: dst }, protocol: 'TCP', port: 1 }).allowed;

  it('a refused policy isolates what it selects, in the directions it names', () => {
    const spec = { podSelector: { matchLabels: { app: 'db' } }, ingress: [{}, { from: [{}] }] };
    assert.equal(isAllowed(spec, 'default/web', 'default/db'), false);
    assert.equal(isAllowed(spec, 'default/db', 'default/web'), true);
    const verdict = evaluatePacket(compile(spec), { src: { pod: 'default/web' }, dst: { pod: 'default/db' }, protocol: 'TCP', port: 1 });
    assert.equal(verdict.ingress.reason, 'NetworkPolicy default/p was refused and isolates its pods: spec.ingress[1].from[0]');
  });

  it('one whose subject or directions cannot be read isolates its whole namespace, and no other', () => {
    const spec = { podSelector: { app: 'db' }, policyTypes: ['Both'] };
    assert.equal(isAllowed(spec, 'default/db', 'other/x'), false);
    assert.equal(isAllowed(spec, 'other/x', 'default/web'), false);
    assert.equal(isAllowed({ podSelector: {} }, 'default/db', 'other/x'), true);
  });

  it('an object without name and namespace is an error and touches nobody', () => {
    const compiled = compilePolicies({ namespaces: [], pods, networkPolicies: [{ spec: {} }, null, 7] });
    assert.equal(compiled.errors.length, 3);
    assert.equal(compiled.policies.length, 0);
  });

  it('an address that is none is left out, wherever it stands', () => {
    const odd = podsOf({ 'default/a': { ips: ['10.244.0.1', 'not an address', '10.1'] }, 'default/b': {} });
    const compiled = compilePolicies({ namespaces: [], pods: odd, nodes: [{ name: 'n', addresses: ['host.name'] }], networkPolicies: [] });
    assert.deepEqual([...compiled.podByAddress.keys()], ['10.244.0.1', '10.244.0.2', 'fd00:244::2']);
    assert.equal(compiled.nodeByAddress.size, 0);
  });

  it('pods that no policy can tell apart share a class', () => {
    const many = podsOf(
      Object.fromEntries(
        Array.from({ length: 50 }, (_, n) => [`default/p${n}`, { labels: { app: n < 25 ? 'a' : 'b', serial: String(n) } }]),
      ),
    );
    const networkPolicies = [policy('default', 'p', { podSelector: { matchLabels: { app: 'a' } } })];
    assert.equal(compilePolicies({ namespaces: [], pods: many, networkPolicies }).classes.length, 2);
  });
});
