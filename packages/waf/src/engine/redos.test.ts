/** Inputs published against patterns of the Core Rule Set finish within the counted steps of the engine. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diskFiles, readDataFile } from '../adapters/files.ts';
import { compile } from './engine.ts';
import { parseSecLang } from './seclang/parse.ts';
import { crs4Folder, crs4Missing, runRequest } from './testing.ts';

const encode = (text: string) => encodeURIComponent(text);

test('no value makes the Core Rule Set 4.25 slow', { skip: crs4Missing }, () => {
  const text = `SecRuleEngine DetectionOnly\nSecRequestBodyAccess On\nSecAction "id:900000,phase:1,pass,nolog,setvar:tx.blocking_paranoia_level=4,setvar:tx.crs_setup_version=4250"\nInclude ${crs4Folder}/*.conf`;
  const engine = compile(parseSecLang(text, '/rules', { files: diskFiles }), { readDataFile });
  const values = [
    // GHSA-f5qm-3h4p-8qhg: 932230, 932236, 932250
    `;${'( '.repeat(26)}`,
    `;${'( '.repeat(5000)}`,
    // quadratic and worse on plain backtracking: 944140, 933110, 941170, 941200, 932390
    `${'.'.repeat(5000)}jsp`,
    'a.php'.repeat(2000),
    `${'javascript'.repeat(500)}:`,
    '<'.repeat(3000),
    '{'.repeat(3000),
    `${' '.repeat(8000)}x`,
    `${'$('.repeat(3000)}`,
    `${'/*'.repeat(3000)}`,
    `${"'".repeat(3000)}`,
    `${'%'.repeat(3000)}`,
  ];
  for (const value of values) {
    for (const request of [
      { uri: `/?q=${encode(value)}` },
      { method: 'POST', headers: [['Content-Type', 'application/x-www-form-urlencoded']] as const, body: `q=${encode(value)}` },
    ]) {
      const result = runRequest(engine, request);
      assert.deepEqual(result.limits, [], `${value.slice(0, 20)}…`);
    }
  }
});
