import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareWithExpected, type Exception } from './expected.ts';

const exception: Exception = { case: 'b', status: 'fail', class: "peer's bug", evidence: 'x' };
const failB = { name: 'b', status: 'fail' } as const;

const table = [
  { name: 'all pass', outcome: { passed: 2, failed: [], skipped: [] }, expected: { cases: 2, exceptions: [] }, problems: 0 },
  {
    name: 'a known failure',
    outcome: { passed: 1, failed: [failB], skipped: [] },
    expected: { cases: 2, exceptions: [exception] },
    problems: 0,
  },
  { name: 'a new failure', outcome: { passed: 1, failed: [failB], skipped: [] }, expected: { cases: 2, exceptions: [] }, problems: 1 },
  {
    name: 'an exception that passes',
    outcome: { passed: 2, failed: [], skipped: [] },
    expected: { cases: 2, exceptions: [exception] },
    problems: 1,
  },
  { name: 'fewer cases', outcome: { passed: 1, failed: [], skipped: [] }, expected: { cases: 2, exceptions: [] }, problems: 1 },
  {
    name: 'a known failure that is skipped instead',
    outcome: { passed: 1, failed: [], skipped: [{ name: 'b', status: 'skip' as const }] },
    expected: { cases: 2, exceptions: [exception] },
    problems: 2,
  },
  { name: 'a suite nobody expected', outcome: { passed: 1, failed: [], skipped: [] }, expected: undefined, problems: 1 },
];

for (const row of table) {
  test(row.name, () => assert.equal(compareWithExpected(row.outcome, row.expected).length, row.problems));
}
