/** All cases of the suites that send packets; `npm test` sends a part of them. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { packetSuites } from './netpol-packets.ts';
import { type CaseResult, noData } from './suite.ts';

const dataDir = process.env['CONFORMANCE_DIR'] ?? join(import.meta.dirname, '../../shared/conformance');
const least: Readonly<Record<string, number>> = { 'netpol-packets': 60, 'cyclonus-packets': 180 };

describe('packets', {
  skip: existsSync(dataDir) ? false : noData(dataDir),
}, () => {
  for (const suite of packetSuites({ packets: 1, cyclonus: 1 })) {
    test(suite.name, { skip: suite.missing?.() ?? false, timeout: 1_800_000 }, async () => {
      const results: CaseResult[] = [];
      for await (const result of await suite.run(dataDir)) results.push(result);
      const failed = results.filter(({ status }) => status === 'fail');
      assert.deepEqual(
        failed.map(({ name, detail }) => `${name}: ${detail}`),
        [],
      );
      assert.ok(results.length >= least[suite.name]!, `${results.length} cases`);
    });
  }
});
