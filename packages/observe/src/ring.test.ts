import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { flow } from './fixtures.ts';
import { FlowRing } from './ring.ts';

const ports = (flows: readonly { destination: { port?: number } }[]) => flows.map((record) => record.destination.port);

describe('FlowRing', () => {
  it('holds the newest records in order, like a list cut at its capacity', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 0, max: 40 }),
        fc.integer({ min: 0, max: 10 }),
        (capacity, count, last) => {
          const ring = new FlowRing({ capacity });
          const all = Array.from({ length: count }, (_, index) => index);
          for (const port of all) ring.add(flow({ port }));
          assert.equal(ring.total, count);
          assert.deepEqual(ports(ring.query()), all.slice(-capacity));
          assert.deepEqual(ports(ring.query({}, last)), last === 0 ? [] : all.slice(-capacity).slice(-last));
        },
      ),
    );
  });

  it('counts the newest among those that match', () => {
    const ring = new FlowRing();
    for (let port = 0; port < 10; port++) ring.add(flow({ port, verdict: port % 2 === 0 ? 'DROPPED' : 'FORWARDED' }));
    assert.deepEqual(ports(ring.query({ verdict: 'DROPPED' }, 2)), [6, 8]);
  });

  it('wakes a follower once for a batch, with the records that match', () => {
    const ring = new FlowRing();
    let wakes = 0;
    const follower = ring.follow({ verdict: 'DROPPED' }, () => wakes++);
    ring.add(flow({ port: 1 }));
    assert.equal(wakes, 0);
    ring.add(flow({ port: 2, verdict: 'DROPPED' }));
    ring.add(flow({ port: 3, verdict: 'DROPPED' }));
    assert.equal(wakes, 1);
    assert.deepEqual(ports(follower.take().records), [2, 3]);
    ring.add(flow({ port: 4, verdict: 'DROPPED' }));
    assert.equal(wakes, 2);
    follower.close();
    ring.add(flow({ port: 5, verdict: 'DROPPED' }));
    assert.deepEqual(ports(follower.take().records), [4]);
  });

  it('counts what a slow follower loses, once', () => {
    const ring = new FlowRing({ followerCapacity: 2 });
    const follower = ring.follow({}, () => {});
    for (let port = 0; port < 5; port++) ring.add(flow({ port }));
    const first = follower.take();
    assert.deepEqual([ports(first.records), first.lost], [[0, 1], 3]);
    assert.equal(follower.take().lost, 0);
  });

  it('refuses a capacity that holds nothing', () => {
    assert.throws(() => new FlowRing({ capacity: 0 }), /capacity 0, expected a whole number above 0/);
  });
});
