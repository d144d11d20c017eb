/**
 * `npm run conformance [suite…]`: runs the independent suites over `../shared/conformance` (or CONFORMANCE_DIR) and compares
 * with expected.json: a new failure, a new skip, fewer cases, or an exception that passes fails the run.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compareWithExpected, type Expected, type SuiteOutcome } from './expected.ts';
import type { CaseResult, Suite } from './suite.ts';

const here = new URL('.', import.meta.url).pathname;
const given = process.env['CONFORMANCE_DIR'];
const dataDir = given ?? join(here, '../../shared/conformance');
const args = process.argv.slice(2);
const wanted = args.filter((arg) => !arg.startsWith('-'));

const suites: Suite[] = [];
for (const file of readdirSync(here).sort()) {
  if (!file.endsWith('.ts') || file.endsWith('.test.ts') || ['run.ts', 'suite.ts', 'expected.ts'].includes(file)) continue;
  const module: { suites?: Suite[] } = await import(pathToFileURL(join(here, file)).href);
  suites.push(...(module.suites ?? []));
}
const unknown = wanted.filter((name) => !suites.some((suite) => suite.name === name));
if (unknown.length > 0) {
  console.error(`Unknown suite ${unknown.join(', ')}. Known: ${suites.map((suite) => suite.name).join(', ')}.`);
  process.exit(2);
}
const chosen = suites.filter((suite) => wanted.length === 0 || wanted.includes(suite.name));

if (!existsSync(dataDir)) {
  for (const suite of chosen) console.log(`${suite.name}: skipped, no data at ${dataDir} (set CONFORMANCE_DIR)`);
  process.exit(process.env['CI'] ? 1 : 0);
}

const expectedFile = join(here, 'expected.json');
const expected: Expected = JSON.parse(readFileSync(expectedFile, 'utf8'));
let bad = 0;
const total = { passed: 0, failed: 0, skipped: 0 };
for (const suite of chosen) {
  const missing = suite.missing?.();
  if (missing !== undefined) {
    console.log(`${suite.name}: skipped, ${missing}`);
    total.skipped++;
    continue;
  }
  const outcome = await runSuite(suite);
  const problems =
    given === undefined ? compareWithExpected(outcome, expected[suite.name]) : outcome.failed.map((c) => `failed: ${c.name}`);
  for (const result of outcome.failed) console.log(`  ${suite.name}: FAIL ${result.name}${result.detail ? `: ${result.detail}` : ''}`);
  for (const problem of problems) console.log(`  ${suite.name}: NOT AS EXPECTED: ${problem}`);
  console.log(`${suite.name}: ${outcome.passed} passed, ${outcome.failed.length} failed, ${outcome.skipped.length} skipped`);
  bad += problems.length;
  total.passed += outcome.passed;
  total.failed += outcome.failed.length;
  total.skipped += outcome.skipped.length;
  if (args.includes('--accept')) accept(suite.name, outcome);
}
if (args.includes('--accept')) writeFileSync(expectedFile, `${JSON.stringify(expected, null, 2)}\n`);
console.log(`conformance: ${bad === 0 ? 'as expected' : `${bad} difference(s) from expected.json`}`);
console.log(`${total.passed} passed, ${bad} failed, ${total.skipped} skipped`);
process.exit(bad === 0 ? 0 : 1);

async function runSuite(suite: Suite): Promise<SuiteOutcome> {
  const outcome: SuiteOutcome = { passed: 0, failed: [], skipped: [] };
  const results: AsyncIterable<CaseResult> | Iterable<CaseResult> = await suite.run(dataDir);
  for await (const result of results) {
    if (result.status === 'pass') outcome.passed++;
    else outcome[result.status === 'fail' ? 'failed' : 'skipped'].push(result);
  }
  return outcome;
}

/** Raises the number of cases after a suite grew. Exceptions are written by hand, with class and evidence. */
function accept(name: string, outcome: SuiteOutcome) {
  const cases = outcome.passed + outcome.failed.length + outcome.skipped.length;
  expected[name] = { cases, exceptions: expected[name]?.exceptions ?? [] };
}
