/** The rules of expected.json. */
import type { CaseResult } from './suite.ts';

export interface SuiteOutcome {
  passed: number;
  failed: CaseResult[];
  skipped: CaseResult[];
}

export interface Exception {
  case: string;
  status: 'fail' | 'skip';
  class: "peer's bug" | 'missing resource' | 'documented difference' | 'not yet';
  evidence: string;
}

export type Expected = Record<string, { cases: number; exceptions: Exception[] }>;

/** @returns one line for each way in which the outcome is not what expected.json says; empty = as expected */
export function compareWithExpected(outcome: SuiteOutcome, expected: Expected[string] | undefined): string[] {
  if (!expected) return ['the suite is not in expected.json'];
  const problems: string[] = [];
  const cases = outcome.passed + outcome.failed.length + outcome.skipped.length;
  if (cases < expected.cases) problems.push(`${cases} cases, expected at least ${expected.cases}`);
  const seen = new Map<string, 'fail' | 'skip'>();
  for (const result of outcome.failed) seen.set(result.name, 'fail');
  for (const result of outcome.skipped) seen.set(result.name, 'skip');
  for (const [name, status] of seen) {
    if (!expected.exceptions.some((e) => e.case === name && e.status === status)) problems.push(`new ${status}: ${name}`);
  }
  for (const exception of expected.exceptions) {
    if (seen.get(exception.case) !== exception.status) problems.push(`exception passes now (remove it): ${exception.case}`);
  }
  return problems;
}
