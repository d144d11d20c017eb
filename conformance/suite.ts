/** What every conformance runner exports (`export const suites: Suite[]`). */

export interface CaseResult {
  /** Stable and unique inside the suite: expected.json names exceptions by it. */
  name: string;
  status: 'pass' | 'fail' | 'skip';
  /** Why it failed or was skipped, in one line. */
  detail?: string;
}

export interface Suite {
  name: string;
  /** What the suite needs and this machine lacks, and how to get it; undefined when it can run. */
  missing?(): string | undefined;
  /** @param dataDir the conformance data folder (`../shared/conformance` or CONFORMANCE_DIR) */
  run(dataDir: string): Promise<CaseResult[]> | AsyncIterable<CaseResult>;
}

/** Why a case cannot run, and what would run it. */
export function noData(folder: string): string {
  return `no ${folder}: CONFORMANCE_DIR names the folder of the conformance data`;
}
