import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filterFailed } from './replies.ts';
import type { HttpFilter, RequestState } from './request-state.ts';
import { runFilters } from './run-filters.ts';

const passes: HttpFilter = () => undefined;
const waits: HttpFilter = async () => undefined;
const throws: HttpFilter = () => {
  throw new Error('a fault of its own');
};
const rejects: HttpFilter = async () => {
  throw new Error('a fault of its own');
};

test('a filter that fails denies, wherever it stands and however it fails', async () => {
  for (const filters of [[throws], [passes, throws], [waits, throws], [rejects, passes], [waits, rejects]])
    assert.equal(await runFilters(filters, {} as RequestState), filterFailed);
  assert.equal(await runFilters([passes, waits, passes], {} as RequestState), undefined);
});
