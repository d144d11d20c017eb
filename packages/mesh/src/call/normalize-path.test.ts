import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normalizePath } from './normalize-path.ts';

test('the path that rules see, by mode', () => {
  const raw = '/a//b/../c%2Fd/%41?q#f';
  const rows = [
    ['NONE', '/a//b/../c%2Fd/%41'],
    ['BASE', '/a//c%2Fd/A'],
    ['MERGE_SLASHES', '/a/c%2Fd/A'],
    ['DECODE_AND_MERGE_SLASHES', '/a/c/d/A'],
  ] as const;
  for (const [mode, seen] of rows) assert.equal(normalizePath(raw, mode), seen, mode);
  assert.equal(normalizePath('/x\\y/%2e%2e/z', 'BASE'), '/x/z');
  assert.equal(normalizePath('/x/..;a/z|"<>^`{}', 'BASE'), '/z%7C%22%3C%3E%5E%60%7B%7D');
});
