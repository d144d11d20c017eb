/** ModSecurity's own unit tests of operators and transformations. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { findOperator, findTransformation } from '@palisade/waf';
import { type CaseResult, noData, type Suite } from './suite.ts';

interface UnitCase {
  readonly name: string;
  readonly input: string;
  readonly output?: string;
  readonly param?: string;
  readonly ret: number;
  readonly re_groups?: readonly unknown[];
}

/**
 * JSON text to bytes, by the conventions of the suite's own runner: a NUL ends the text (it is read as a C string), and
 * `\xHH` and `\uHHHH` written out in it are bytes.
 */
function toBytes(text: string): string {
  const bytes = Buffer.from(text.split('\0')[0]!, 'utf8').toString('latin1');
  const replace = (_: string, digits: string) => String.fromCharCode((Number.parseInt(digits, 16) || 0) & 0xff);
  return bytes.replace(/\\x([a-zA-Z0-9]{2})/g, replace).replace(/\\u([a-zA-Z0-9]{4})/g, replace);
}

function* readCases(folder: string): Generator<{ name: string; test: UnitCase }> {
  for (const file of readdirSync(folder).sort()) {
    if (!file.endsWith('.json')) continue;
    const tests = JSON.parse(readFileSync(join(folder, file), 'utf8')) as UnitCase[];
    for (const [index, test] of tests.entries()) yield { name: `${file.slice(0, -5)}-${index + 1}`, test };
  }
}

function runTransformation(test: UnitCase): string | undefined {
  const transformation = findTransformation(test.name);
  if (!transformation) return `unknown transformation ${test.name}`;
  const wanted = toBytes(test.output ?? '');
  const found = transformation.run(toBytes(test.input));
  return found === wanted ? undefined : `found ${JSON.stringify(found)}, wanted ${JSON.stringify(wanted)}`;
}

function runOperator(test: UnitCase, folder: string): string | undefined {
  const factory = findOperator(test.name.toLowerCase());
  if ('unsupported' in factory) return factory.unsupported;
  let run: ReturnType<typeof factory>;
  try {
    run = factory(toBytes(test.param ?? ''), {
      profile: 'modsecurity3',
      readDataFile: (name) => readFileSync(join(folder, 'op', basename(name)), 'latin1'),
      regexStepBudget: 100_000,
    });
  } catch (error) {
    // The runner of the suite reports an argument that is no good as "no match"; here the rule would be refused.
    return test.ret === 0 ? undefined : (error as Error).message;
  }
  const result = run(toBytes(test.input.replaceAll('\\0', '\\x00')), {
    wantsCaptures: true,
    setGeo: () => {},
    expand: String,
    rewrite: () => {},
  });
  const wanted = test.ret !== 0;
  if (result === 'limit') return 'step budget used up';
  if ((result !== false) !== wanted)
    return `${JSON.stringify(test.param)} on ${JSON.stringify(test.input)}: found ${result !== false}, wanted ${wanted}`;
  if (!test.re_groups) return undefined;
  // The suite lists the groups it is sure of; rxGlobal may find more behind them.
  const found = typeof result === 'object' ? result.captures.slice(0, test.re_groups.length) : [];
  return JSON.stringify(found) === JSON.stringify(test.re_groups)
    ? undefined
    : `captured ${JSON.stringify(found)}, wanted ${JSON.stringify(test.re_groups)}`;
}

function suite(name: string, run: (test: UnitCase, folder: string) => string | undefined): Suite {
  return {
    name,
    async run(dataDir) {
      const folder = join(dataDir, 'waf', 'modsecurity-unit', name);
      if (!existsSync(folder)) return [{ name: 'data', status: 'skip', detail: noData(folder) }];
      const results: CaseResult[] = [];
      for (const { name: caseName, test } of readCases(folder)) {
        const problem = run(test, folder);
        results.push(problem === undefined ? { name: caseName, status: 'pass' } : { name: caseName, status: 'fail', detail: problem });
      }
      return results;
    },
  };
}

export const suites: Suite[] = [suite('operators', runOperator), suite('transformations', runTransformation)];
