import assert from 'node:assert/strict';
import { test } from 'node:test';
import { advanceTrust, parseTrustState, renderTrustState, signsFrom, type TrustState, type WantedTrust } from './trust-state.ts';

const hourMs = 3_600_000;
const root = (fingerprint: string) => ({ fingerprint, certificatePem: `pem ${fingerprint}` });
const wanted = (signing: string, ...others: string[]): WantedTrust => ({
  source: 'istio-ca-secret',
  root: root(signing),
  roots: [signing, ...others].map(root),
});
const at = (ms: number) => new Date(Date.UTC(2026, 0, 1) + ms);
const step = (state: TrustState | undefined, what: WantedTrust, ms: number) => advanceTrust(state, what, at(ms), 120_000);
const shown = ({ bundle }: TrustState) => [bundle.signing, bundle.roots.map(({ fingerprint }) => fingerprint).join('+')];

test('a root is distributed, then signs, then stands alone when nothing under the old one can be valid', () => {
  let state = step(undefined, wanted('a'), 0);
  assert.deepEqual(shown(state), ['a', 'a'], 'the first signs at once');
  const rows: [number, WantedTrust, string, string][] = [
    [1000, wanted('a'), 'a', 'a'],
    [10_000, wanted('b'), 'a', 'a+b'],
    [129_999, wanted('b'), 'a', 'a+b'],
    [130_000, wanted('b'), 'b', 'a+b'],
    [130_000 + 25 * hourMs - 1, wanted('b'), 'b', 'a+b'],
    [130_000 + 25 * hourMs, wanted('b'), 'b', 'b'],
  ];
  for (const [ms, what, signing, roots] of rows) {
    state = step(state, what, ms);
    assert.deepEqual(shown(state), [signing, roots], String(ms));
  }
});

test('repeating a step changes nothing; a way back signs at once, since everybody still trusts it', () => {
  let state = step(step(undefined, wanted('a'), 0), wanted('b'), 1000);
  assert.deepEqual(step(state, wanted('b'), 2000), state);
  state = step(state, wanted('b'), 121_000);
  assert.equal(state.bundle.signing, 'b');
  state = step(state, wanted('a'), 122_000);
  assert.deepEqual(shown(state), ['a', 'a+b']);
  assert.deepEqual(
    state.bundle.roots.map(({ retiredAt }) => retiredAt),
    [undefined, at(122_000)],
  );
});

test('roots that are only trusted come and go with the Secret', () => {
  let state = step(undefined, wanted('a', 'x'), 0);
  assert.deepEqual(shown(state), ['a', 'a+x']);
  state = step(state, wanted('a', 'y'), 1000);
  assert.deepEqual(shown(state), ['a', 'a+y']);
});

test('when the next one signs; kept as text and read again', () => {
  const state = step(step(undefined, wanted('a'), 0), wanted('b'), 1000);
  assert.deepEqual(signsFrom(state, root('b'), 120_000), at(121_000));
  assert.equal(signsFrom(state, root('a'), 120_000), undefined);
  const retired = step(state, wanted('b'), 121_000);
  for (const each of [state, retired]) assert.deepEqual(parseTrustState(renderTrustState(each, undefined)), each);
  assert.match(renderTrustState(state, at(121_000)), /"signsFrom": "2026-01-01T00:02:01.000Z"/);
  const unknown = renderTrustState(state, undefined).replace('"signing": "a"', '"signing": "c"');
  for (const text of ['', '{}', '{"signing":"a","roots":[]}', unknown])
    assert.throws(() => parseTrustState(text), /bundle\.json cannot be read/);
});
