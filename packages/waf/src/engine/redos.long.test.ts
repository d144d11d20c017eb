/**
 * recheck looks for inputs that make a backtracking engine slow on each pattern of the Core Rule Set (some are 100 KB long);
 * ours must finish on them within its steps. About four minutes: a second a pattern.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diskFiles } from '../adapters/files.ts';
import { patternOptions } from './operators/patterns.ts';
import { CompiledRegex } from './regex/regex.ts';
import { parseSecLang } from './seclang/parse.ts';
import { crs4Folder, crs4Missing } from './testing.ts';

const SEARCH_MS = 1000;

test('inputs that recheck finds for the patterns of the Core Rule Set 4.25 finish', { skip: crs4Missing }, async (context) => {
  process.env['RECHECK_BACKEND'] = 'pure';
  const { checkSync } = await import('recheck');
  const nodes = parseSecLang(`Include ${crs4Folder}/*.conf`, '/rules', { files: diskFiles });
  const patterns = new Set(nodes.flatMap((node) => (node.kind === 'rule' && node.operator?.name === 'rx' ? [node.operator.argument] : [])));
  let found = 0;
  for (const pattern of patterns) {
    const isCaseless = pattern.startsWith('(?i)');
    const checked = checkSync(isCaseless ? pattern.slice(4) : pattern, isCaseless ? 'is' : 's', { timeout: SEARCH_MS });
    if (checked.status !== 'vulnerable') continue;
    found++;
    const input = checked.attack.string;
    // Each as often as it takes to be long: what is quadratic shows then.
    for (const text of [input, input.repeat(Math.ceil(10_000 / input.length))]) {
      const regex = new CompiledRegex(pattern, patternOptions('modsecurity2'));
      const about = `${pattern.slice(0, 80)} on ${JSON.stringify(text.slice(0, 40))} (${text.length} bytes)`;
      assert.notEqual(regex.test(text), 'limit', about);
      assert.notEqual(regex.exec(text), 'limit', about);
    }
  }
  context.diagnostic(`${found} of ${patterns.size} patterns have an input that recheck calls slow`);
  assert.ok(found > 0, 'recheck found nothing: the test proves nothing');
});
