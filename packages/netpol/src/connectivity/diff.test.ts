import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compilePolicies } from '../compile/compile.ts';
import { podsOf, policy } from '../testing/fixtures.ts';
import { formatConnections } from './connections.ts';
import { analyzeConnectivity } from './connectivity.ts';
import { diffConnectivity } from './diff.ts';
import { listConnectivity } from './list.ts';

const pods = podsOf({ 'default/a': { labels: { app: 'a' }, ips: [] }, 'default/b': { labels: { app: 'b' }, ips: [] } });
const rows = (spec?: unknown) =>
  listConnectivity(
    analyzeConnectivity(
      compilePolicies({ namespaces: [], pods, networkPolicies: spec === undefined ? [] : [policy('default', 'p', spec)] }),
      [4],
    ),
  );
const from = (ports: unknown, ...peers: unknown[]) => ({ podSelector: { matchLabels: { app: 'b' } }, ingress: [{ from: peers, ports }] });
const block = (cidr: string, ...except: string[]) => ({ ipBlock: { cidr, except } });
const lines = (before: ReturnType<typeof rows>, after: ReturnType<typeof rows>) =>
  diffConnectivity(before, after).map(
    (change) =>
      `${change.kind}: ${change.source} => ${change.destination}: ${formatConnections(change.before)} -> ${formatConnections(change.after)}`,
  );

describe('listConnectivity', () => {
  it('names workloads and merges outside ranges', () => {
    const found = rows(from([{ port: 80 }], block('10.0.0.0/9'), block('10.128.0.0/9'))).map(
      (row) => `${row.source} => ${row.destination}: ${formatConnections(row.connections)}`,
    );
    assert.deepEqual(found, [
      '0.0.0.0-255.255.255.255 => default/a[Pod]: All Connections',
      '10.0.0.0-10.255.255.255 => default/b[Pod]: TCP 80',
      'default/a[Pod] => 0.0.0.0-255.255.255.255: All Connections',
      'default/b[Pod] => 0.0.0.0-255.255.255.255: All Connections',
      'default/b[Pod] => default/a[Pod]: All Connections',
    ]);
  });
});

describe('diffConnectivity', () => {
  it('equal clusters do not differ', () => assert.deepEqual(lines(rows(), rows()), []));

  it('added, removed, changed', () => {
    const a = { podSelector: { matchLabels: { app: 'a' } } };
    assert.deepEqual(lines(rows(from([{ port: 80 }], a)), rows(from([{ port: 81 }], a, block('192.0.2.0/24')))), [
      'added: 192.0.2.0-192.0.2.255 => default/b[Pod]: No Connections -> TCP 81',
      'changed: default/a[Pod] => default/b[Pod]: TCP 80 -> TCP 81',
    ]);
    assert.deepEqual(lines(rows(), rows(from(undefined, a))), [
      'removed: 0.0.0.0-255.255.255.255 => default/b[Pod]: All Connections -> No Connections',
    ]);
  });

  it('outside addresses are compared however they are cut', () => {
    const before = rows(from([{ port: 80 }], block('10.0.0.0/8', '10.1.0.0/16')));
    assert.deepEqual(
      lines(
        before,
        rows(
          from(
            [{ port: 80 }],
            block('10.0.0.0/16'),
            block('10.2.0.0/15'),
            block('10.4.0.0/14'),
            block('10.8.0.0/13'),
            block('10.16.0.0/12'),
          ),
        ),
      ),
      ['removed: 10.32.0.0-10.255.255.255 => default/b[Pod]: TCP 80 -> No Connections'],
    );
    assert.deepEqual(lines(before, rows(from([{ port: 80 }], block('10.0.0.0/8')))), [
      'added: 10.1.0.0-10.1.255.255 => default/b[Pod]: No Connections -> TCP 80',
    ]);
  });
});
