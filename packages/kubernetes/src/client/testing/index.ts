/** For tests only: an API server in memory and a clock that moves when told. */
export { createFakeClient, type FakeClient } from './fake-client.ts';
export { createFakeClock, type FakeClock } from './fake-clock.ts';
