/** libinjection's own cases: tokens, folding, fingerprints and HTML tokens. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { detectSqlInjection, HtmlTokenizer, readSql, type SqlToken, SqlTokenizer } from '@palisade/waf/libinjection';
import { type CaseResult, noData, type Suite } from './suite.ts';

function renderToken(token: SqlToken): string {
  const text = `${token.open}${token.text}${token.close}`;
  if (token.kind === 's') return `s ${text}`;
  if (token.kind === 'v') return `v ${'@'.repeat(token.count)}${text}`;
  return `${token.kind} ${token.text}`;
}

function runCase(name: string, input: string): string {
  if (name.startsWith('test-html5')) {
    const tokenizer = new HtmlTokenizer(input, 'data');
    const lines: string[] = [];
    for (let token = tokenizer.next(); token; token = tokenizer.next()) lines.push(`${token.kind},${token.text.length},${token.text}`);
    return lines.join('\n');
  }
  const context = { quote: '', isMysql: name.startsWith('test-tokens_mysql') } as const;
  if (name.startsWith('test-tokens')) {
    const tokenizer = new SqlTokenizer(input, context);
    const lines: string[] = [];
    for (let token = tokenizer.next(); token; token = tokenizer.next()) lines.push(renderToken(token));
    return lines.join('\n');
  }
  if (name.startsWith('test-folding')) return readSql(input, context).tokens.map(renderToken).join('\n');
  return detectSqlInjection(input) ?? '';
}

const suite: Suite = {
  name: 'libinjection',
  async run(dataDir) {
    const folder = join(dataDir, 'waf/libinjection-tests');
    if (!existsSync(folder)) return [{ name: 'data', status: 'skip', detail: noData(folder) }];
    const results: CaseResult[] = [];
    for (const file of readdirSync(folder).sort()) {
      const text = readFileSync(join(folder, file), 'latin1');
      const [, input, expected] = /--INPUT--\n([\s\S]*?)\n?--EXPECTED--\n?([\s\S]*)$/.exec(text) ?? [];
      if (input === undefined) continue;
      const found = runCase(file, input.trim());
      const wanted = (expected ?? '').trim();
      const name = file.replace(/\.txt$/, '');
      results.push(
        found.trim() === wanted
          ? { name, status: 'pass' }
          : { name, status: 'fail', detail: `found ${JSON.stringify(found)}, wanted ${JSON.stringify(wanted)}` },
      );
    }
    return results;
  },
};

export const suites: Suite[] = [suite];
