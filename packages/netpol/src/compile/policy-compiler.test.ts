import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { evaluatePacket } from '../evaluate.ts';
import type { ClusterSnapshot, CompiledPod, CompiledPolicies, CompiledRule, Selection } from '../model.ts';
import { historyArbitrary } from '../testing/arbitraries.ts';
import { podsOf, policy } from '../testing/fixtures.ts';
import type { AddressSet } from './address-set.ts';
import { compilePolicies, PolicyCompiler } from './compile.ts';

const nameOf = (pod: CompiledPod) => `${pod.fact.namespace}/${pod.fact.name}`;
const sorted = <T>(values: Iterable<T>): T[] => [...values].sort();
const outside = ['203.0.113.7', '198.51.100.1', '192.168.0.1', '2001:db8::1'];
const transports = [{ protocol: 'TCP', port: 80 }, { protocol: 'TCP', port: 8080 }, { protocol: 'UDP', port: 443 }, { protocol: 'ICMPv4' }];

/** What can be asked of compiled policies, as plain values that do not depend on the order in which things came. */
function answersOf(compiled: CompiledPolicies): unknown {
  const addresses = [...compiled.podByAddress.keys(), ...outside];
  const verdicts = addresses.flatMap((src) =>
    addresses
      .filter((dst) => dst.includes(':') === src.includes(':'))
      .flatMap((dst) =>
        transports.map((transport) => {
          const { egress, ingress } = evaluatePacket(compiled, { src: { ip: src }, dst: { ip: dst }, ...transport });
          return [src, dst, JSON.stringify(transport), egress, ingress].map((part) =>
            typeof part === 'string' ? part : [part.allowed, part.kind, part.reason, part.policy, part.isolatedBy, part.audit],
          );
        }),
      ),
  );
  const selected = ({ key, classes, addresses }: Selection) => [
    key,
    sorted([...classes].flatMap((one) => one.pods.map(nameOf))),
    typeof addresses,
  ];
  const rule = ({ parsed, peers }: CompiledRule) => [parsed.path, peers?.map((peer) => peer.ranges ?? selected(peer.selection!))];
  return {
    verdicts: sorted(verdicts.map((row) => JSON.stringify(row))),
    classes: sorted(compiled.classes.map((one) => JSON.stringify([sorted(one.pods.map(nameOf)), one.labels, one.ports]))),
    policies: compiled.policies.map(({ parsed, subject, ingress, egress, error }) =>
      JSON.stringify([parsed.ref, selected(subject), ingress?.map(rule), egress?.map(rule), error?.message], (_, value) =>
        typeof value === 'bigint' ? String(value) : value,
      ),
    ),
    pods: sorted([...compiled.podByName].map(([name, pod]) => JSON.stringify([name, pod.fact, pod.addresses, pod.hasConflict]))),
    owners: sorted([...compiled.podByAddress].map(([ip, pod]) => `${ip} ${pod === 'conflict' ? pod : nameOf(pod)}`)),
    conflicts: sorted(compiled.conflicts),
    namespaces: sorted([...compiled.namespaces.values()].map((fact) => JSON.stringify(fact))),
    nodes: [compiled.nodes, compiled.nodeByAddress],
    errors: sorted(compiled.errors.map((error) => error.message)),
  };
}

describe('PolicyCompiler', () => {
  it('after any changes it answers as if it had begun with the last state', () => {
    let conflicts = 0;
    fc.assert(
      fc.property(historyArbitrary, (history) => {
        const compiler = new PolicyCompiler();
        for (const snapshot of history) {
          assert.deepEqual(answersOf(compiler.update(snapshot)), answersOf(compilePolicies(snapshot)));
          conflicts += [...compiler.conflicts].length;
        }
      }),
      { numRuns: 60 },
    );
    assert.ok(conflicts > 10, 'addresses that two pods claim must have been among them');
  });

  it('the addresses of a selection are kept up, and their changes told', () => {
    let changes = 0;
    fc.assert(
      fc.property(historyArbitrary, (history) => {
        const compiler = new PolicyCompiler();
        const told = new Map<AddressSet, { readonly elements: Set<string>; readonly version: number }>();
        for (const snapshot of history) {
          compiler.update(snapshot);
          for (const subject of new Set(compiler.policies.map((one) => one.subject))) {
            for (const family of [4, 6] as const) {
              const set = subject.addresses(family);
              const all = [...subject.classes].flatMap((one) => one.pods.flatMap((pod) => pod.addresses));
              assert.deepEqual(sorted(set.elements), sorted(all.filter((ip) => ip.includes(':') === (family === 6))));
              const last = told.get(set);
              const known = last?.elements;
              const change = (last && set.changesSince(last.version)) ?? { added: [], removed: [] };
              for (const address of known ? change.removed : []) assert.ok(known!.delete(address), 'it was there');
              for (const address of known ? change.added : []) assert.ok(!known!.has(address) && known!.add(address), 'it was not there');
              // A set may have been out of sight for some steps, and may then have forgotten what was told.
              if (last && last.version === compiler.version - 1) assert.deepEqual(known, set.elements);
              changes += known ? change.added.length + change.removed.length : 0;
              told.set(set, { elements: new Set(set.elements), version: compiler.version });
            }
          }
        }
      }),
      { numRuns: 50 },
    );
    assert.ok(changes > 20, `${changes} changes`);
  });

  it('what did not change stays the same value', () => {
    const before: ClusterSnapshot = {
      namespaces: [],
      pods: podsOf({ 'default/db': { labels: { app: 'db' } }, 'default/web': { labels: { app: 'web' } } }),
      networkPolicies: [policy('default', 'db', { podSelector: { matchLabels: { app: 'db' } } })],
    };
    const compiler = new PolicyCompiler().update(before);
    const gate = compiler.podByName.get('default/db')!.class!.gates.ingress;
    const added = policy('default', 'web', { podSelector: { matchLabels: { app: 'web' } } });
    compiler.update({ ...before, networkPolicies: [...before.networkPolicies, added] });
    assert.equal(compiler.podByName.get('default/db')!.class!.gates.ingress, gate);
    assert.equal(compiler.podByName.get('default/web')!.class!.gates.ingress.isolating.length, 1);
  });

  it('says which pods left, those with new facts included', () => {
    const [db, web] = podsOf({ 'default/db': {}, 'default/web': {} });
    const compiler = new PolicyCompiler().update({ namespaces: [], pods: [db!, web!], networkPolicies: [] });
    compiler.update({ namespaces: [], pods: [{ ...db!, labels: { app: 'db' } }], networkPolicies: [] });
    assert.deepEqual(compiler.departed, [db, web]);
    assert.deepEqual([...compiler.podByName.keys()], ['default/db']);
  });
});
