import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Engine, EngineOptions } from '../engine/engine.ts';
import { compile } from '../engine/engine.ts';
import type { FileSource } from '../engine/seclang/parse.ts';
import { parseSecLang } from '../engine/seclang/parse.ts';
import { diskUploads } from './uploads.ts';

/** Rule and data files on this machine, read as bytes (latin1): five patterns of CRS 3.3 hold raw UTF-8. */
export const diskFiles: FileSource = {
  expand: (pattern, from) => {
    const path = resolve(dirname(from), pattern);
    const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory();
    if (isFolder) return glob(join(path, '*.conf'));
    return /[*?[]/.test(pattern) ? glob(path) : existsSync(path) ? [path] : [];
  },
  read: (path) => readFileSync(path, 'latin1'),
};

/** `*`, `?` and `[…]` in any part of a path, in the order of names, as Apache's Include does. Node 20 has no glob of its own. */
function glob(path: string): string[] {
  const parent = dirname(path);
  const name = basename(path);
  const parents = parent === path || !/[*?[]/.test(parent) ? [parent] : glob(parent);
  if (!/[*?[]/.test(name)) return parents.map((folder) => join(folder, name)).filter((file) => existsSync(file));
  const pattern = new RegExp(
    `^${name.replace(/[*?]|\[[^\]]+\]|[\\^$.|+(){}[\]]/g, (part) =>
      part === '*' ? '[^/]*' : part === '?' ? '[^/]' : part.length > 1 ? part.replace(/^\[!/, '[^').replaceAll('\\', '\\\\') : `\\${part}`,
    )}$`,
    's',
  );
  return parents.flatMap((folder) => {
    if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return [];
    return readdirSync(folder)
      .filter((entry) => pattern.test(entry) && (name.startsWith('.') || !entry.startsWith('.')))
      .sort()
      .map((entry) => join(folder, entry));
  });
}

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
  return compile(nodes, { readDataFile, uploads: diskUploads, ...options });
}

/** Text written in JavaScript, as the bytes a file would hold. */
function toBytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** How the OWASP Core Rule Set is to be run. */
export interface CoreRuleSetOptions {
  /** Directives after the recommended settings and before the rules, for example `SecRuleEngine DetectionOnly`. */
  readonly before?: string;
  /** Directives after the rules, for example `SecRuleRemoveById 920350`. */
  readonly after?: string;
}

/** Blocking on, bodies parsed and their parse errors refused: ModSecurity's recommended configuration, same rule ids. */
export const recommendedSettings = `
SecRuleEngine On
SecRequestBodyAccess On
SecResponseBodyAccess On
SecRule REQUEST_HEADERS:Content-Type "@rx ^(?:application(?:/soap\\+|/)|text/)xml" "id:200000,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML"
SecRule REQUEST_HEADERS:Content-Type "@rx ^application/(?:[a-z0-9.-]+\\+)?json" "id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule REQBODY_ERROR "!@eq 0" "id:200002,phase:2,t:none,log,deny,status:400,msg:'The request body cannot be parsed',severity:2"
SecRule MULTIPART_STRICT_ERROR "!@eq 0" "id:200003,phase:2,t:none,log,deny,status:400,msg:'The multipart body is not strictly valid',severity:2"
`;

/**
 * The Core Rule Set in a folder, for `loadEngine`: a release archive unpacked, Debian's `/usr/share/modsecurity-crs`, or a
 * folder of rule files. `crs-setup.conf` is taken from the folder (or its `.example`), on Debian from
 * `/etc/modsecurity/crs`; without one the rules' own defaults hold.
 *
 * @throws Error when the folder holds no rule files
 */
export function coreRuleSet(folder: string, options: CoreRuleSetOptions = {}): RuleSource {
  const at = resolve(folder);
  const rules = [join(at, 'rules/@owasp_crs'), join(at, 'rules'), at].find((place) =>
    existsSync(join(place, 'REQUEST-901-INITIALIZATION.conf')),
  );
  if (rules === undefined)
    throw new Error(
      `Cannot find the Core Rule Set in "${at}": wanted a folder with rules/REQUEST-901-INITIALIZATION.conf, as in a release archive (on the command line: --rules FOLDER)`,
    );
  const setup = [
    'crs-setup.conf',
    'crs-setup.conf.example',
    'rules/@crs-setup.conf.example',
    '../@crs-setup.conf.example',
    '../crs-setup.conf',
    '../../../etc/modsecurity/crs/crs-setup.conf',
  ]
    .map((name) => join(at, name))
    .find((file) => existsSync(file));
  return {
    before: `${recommendedSettings}\n${setup === undefined ? 'SecAction "id:900990,phase:1,nolog,pass,t:none,setvar:tx.crs_setup_version=1"' : `Include "${setup}"`}\n${options.before ?? ''}`,
    files: [join(rules, '*.conf')],
    after: options.after ?? '',
  };
}
