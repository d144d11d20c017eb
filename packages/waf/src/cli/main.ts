import { readFileSync, statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { coreRuleSet, loadEngine } from '../adapters/files.ts';
import { proposeExclusion } from './allow.ts';
import { readCurlArguments } from './curl-arguments.ts';
import { explainRequest } from './explain.ts';
import { lintFiles } from './lint.ts';
import { runProxy } from './proxy.ts';

const usage = `palisade-waf: SecLang and the OWASP Core Rule Set in Node.js

  palisade-waf proxy [--rules FOLDER] [--port N] [--host ADDRESS] [--backend URL] [--preserve-host On|Off] [--audit-log FILE]
      Reverse proxy, set by the variables of the owasp/modsecurity-crs image (BACKEND, PORT, BLOCKING_PARANOIA, MODSEC_…).

  palisade-waf test [--rules FOLDER] [--before FILE] [--after FILE] [--paranoia N] [--] CURL-ARGUMENTS
      Explains the verdict on a request written as for curl, for example: test 'http://shop.example/?q=1' -d 'a=b' -H 'X-A: 1'

  palisade-waf lint FILE…
      Loads rule files and says what is wrong where; exit code 1 when they are refused.

  palisade-waf allow [FILE] [--id N]
      Reads one entry of a JSON audit log (standard input without FILE) and proposes the narrowest exclusion as SecLang.

FOLDER is an unpacked Core Rule Set; default /usr/share/modsecurity-crs.
`;

/** @returns the exit code: 0 fine, 1 a verdict or a refused file, 2 wrong use */
export async function main(args: readonly string[]): Promise<number> {
  const [command, ...rest] = args;
  const end = rest.indexOf('--');
  if (rest.slice(0, end < 0 ? undefined : end).includes('--help')) {
    process.stdout.write(usage);
    return 0;
  }
  try {
    switch (command) {
      case 'proxy':
        return await proxy(rest);
      case 'test':
        return test(rest);
      case 'lint':
        return lint(rest);
      case 'allow':
        return allow(rest);
      case undefined:
      case 'help':
      case '--help':
      case '-h':
        process.stdout.write(usage);
        return command === undefined ? 2 : 0;
      default:
        process.stderr.write(`Unknown command "${command}"\n\n${usage}`);
        return 2;
    }
  } catch (error) {
    process.stderr.write(`palisade-waf ${command}: ${(error as Error).message}\n`);
    return (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS') ? 2 : 1;
  }
}

const rulesOption = { type: 'string', default: '/usr/share/modsecurity-crs' } as const;

async function proxy(args: readonly string[]): Promise<number> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: { rules: rulesOption, port: text, host: text, backend: text, 'preserve-host': text, 'audit-log': text },
  });
  const given = {
    PORT: values.port,
    BACKEND: values.backend,
    PROXY_PRESERVE_HOST: values['preserve-host'],
  };
  const overrides = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return await runProxy({ rules: values.rules, host: values.host, auditFile: values['audit-log'], env: { ...process.env, ...overrides } });
}

/** Ours come first; from the first other word on everything is curl's. */
function test(args: readonly string[]): number {
  const own = new Map([
    ['--rules', '/usr/share/modsecurity-crs'],
    ['--before', ''],
    ['--after', ''],
    ['--paranoia', '1'],
  ]);
  let at = 0;
  for (; own.has(args[at]!); at += 2) {
    const value = args[at + 1];
    if (value === undefined) throw new Error(`${args[at]} needs a value`);
    own.set(args[at]!, value);
  }
  const paranoia = own.get('--paranoia')!;
  if (!/^[1-4]$/.test(paranoia)) throw new Error(`Cannot use --paranoia ${paranoia}: wanted 1 to 4`);
  const include = (file: string): string => (file === '' ? '' : `Include "${file}"`);
  const levels = ['paranoia_level', 'blocking_paranoia_level'].map((name) => `setvar:tx.${name}=${paranoia}`).join(',');
  const engine = loadEngine(
    coreRuleSet(own.get('--rules')!, {
      before: `SecAction "id:190100,phase:1,nolog,pass,t:none,${levels}"\n${include(own.get('--before')!)}`,
      after: include(own.get('--after')!),
    }),
  );
  const written = readCurlArguments(args.slice(args[at] === '--' ? at + 1 : at), (name) => readFileSync(name, 'latin1'));
  const { text, isBlocked } = explainRequest(engine, written);
  process.stdout.write(text);
  return isBlocked ? 1 : 0;
}

function lint(args: readonly string[]): number {
  const { positionals: files } = parseArgs({ args: [...args], allowPositionals: true, options: {} });
  if (files.length === 0) throw new Error('No file: wanted rule files, as in `palisade-waf lint rules/*.conf`');
  for (const file of files) {
    const entry = statSync(file, { throwIfNoEntry: false });
    if (entry?.isDirectory()) throw new Error(`"${file}" is a folder: wanted rule files, as in \`palisade-waf lint ${file}/*.conf\``);
    if (!entry && !/[*?[{]/.test(file))
      throw new Error(`Cannot find "${file}": wanted rule files, as in \`palisade-waf lint rules/*.conf\``);
  }
  const { text, isRefused } = lintFiles(files);
  (isRefused ? process.stderr : process.stdout).write(text);
  return isRefused ? 1 : 0;
}

function allow(args: readonly string[]): number {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { id: { type: 'string', default: '1000' } },
  });
  if (!/^\d{1,9}$/.test(values.id)) throw new Error(`Cannot use --id ${values.id}: wanted a number`);
  const text = readLog(positionals[0]).trim();
  const { text: proposal, unexplained } = proposeExclusion(text.split('\n').at(-1)!, Number(values.id));
  process.stdout.write(proposal);
  if (unexplained.length > 0)
    process.stderr.write(`Not covered: rules ${unexplained.join(', ')} matched no single variable; see the guide on tuning\n`);
  return 0;
}

function readLog(file: string | undefined): string {
  try {
    return readFileSync(file ?? 0, 'utf8');
  } catch (cause) {
    throw new Error(`Cannot read ${file ?? 'standard input'}: ${(cause as Error).message}; wanted a JSON audit log`, { cause });
  }
}
