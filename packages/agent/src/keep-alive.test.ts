import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { keepAlive } from './keep-alive.ts';

class FakeSession extends EventEmitter {
  destroyed = false;
  answers = true;
  pings = 0;
  ping(callback: (error: Error | null) => void): boolean {
    this.pings++;
    if (this.answers) callback(null);
    return true;
  }
  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

test('a connection that answers stays; one that is silent for ten seconds ends, and is asked no more', (context) => {
  context.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
  const session = new FakeSession();
  keepAlive(session);
  context.mock.timers.tick(95_000);
  assert.deepEqual([session.pings, session.destroyed], [3, false]);
  session.answers = false;
  context.mock.timers.tick(25_000);
  assert.deepEqual([session.pings, session.destroyed], [4, false], 'there is still time');
  context.mock.timers.tick(10_000);
  assert.equal(session.destroyed, true);
  context.mock.timers.tick(120_000);
  assert.equal(session.pings, 4);
});
