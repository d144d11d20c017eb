import { globSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Engine, EngineOptions } from '../engine/engine.ts';
import { compile } from '../engine/engine.ts';
import type { FileSource } from '../engine/seclang/parse.ts';
import { parseSecLang } from '../engine/seclang/parse.ts';

/** Rule and data files on this machine, read as bytes (latin1): five patterns of CRS 3.3 hold raw UTF-8. */
export const diskFiles: FileSource = {
  expand: (pattern, from) => {
    const path = resolve(dirname(from), pattern);
    if (!/[*?[{]/.test(pattern))
      return statSync(path, { throwIfNoEntry: false })?.isDirectory()
        ? globSync(join(path, '*.conf')).sort()
        : statSync(path, { throwIfNoEntry: false })
          ? [path]
          : [];
    return globSync(path).sort();
  },
  read: (path) => readFileSync(path, 'latin1'),
};

/** A data file named in a rule stands beside the rule file. */
export function readDataFile(name: string, from: string): string {
  return readFileSync(resolve(dirname(from), name), 'latin1');
}

/** What to load: files or globs in order, or SecLang text. */
export interface RuleSource {
  readonly files?: readonly string[];
  /** Directives before the files, for example `SecRuleEngine On`. */
  readonly before?: string;
  /** Directives after the files, for example exclusions. */
  readonly after?: string;
}

/** Load and compile rules from this machine. @throws WafConfigError naming file and line; nothing is half loaded */
export function loadEngine(source: RuleSource, options: EngineOptions = {}): Engine {
  const parse = (text: string, name: string) =>
    parseSecLang(text, resolve(name), { ...(options.profile ? { profile: options.profile } : {}), files: diskFiles });
  const includes = (source.files ?? []).map((file) => `Include "${file}"`).join('\n');
  const nodes = [
    ...parse(toBytes(source.before ?? ''), '(before)'),
    ...parse(toBytes(includes), '(files)'),
    ...parse(toBytes(source.after ?? ''), '(after)'),
  ];
  return compile(nodes, { readDataFile, ...options });
}

/** Text written in JavaScript, as the bytes a file would hold. */
function toBytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
