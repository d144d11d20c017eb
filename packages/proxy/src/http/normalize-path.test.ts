import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normalizePath, type PathOptions } from './normalize-path.ts';

const base: PathOptions = { normalizes: true, mergesSlashes: false, escapedSlashes: 'keep' };

test('what no path holds is encoded where paths are normalised, in the path alone, and nowhere else', () => {
  const raw = '/a"<>^`{|}/../b|c?d|e';
  assert.deepEqual(normalizePath(raw, base), { ok: true, path: '/b%7Cc?d|e' });
  assert.deepEqual(normalizePath('/"<>^`{|}', base), { ok: true, path: '/%22%3C%3E%5E%60%7B%7C%7D' });
  assert.deepEqual(normalizePath(raw, { ...base, normalizes: false }), { ok: true, path: raw });
});
