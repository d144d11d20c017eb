/** ModSecurity 3's regression cases, through the engine's API with that profile. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, matchesGlob, relative, resolve } from 'node:path';
import { compile, diskFiles, type Engine, parseSecLang, renderMatch, type TransactionResult, WafConfigError } from '@palisade/waf';
import { type CaseResult, noData, type Suite } from './suite.ts';

interface RegressionCase {
  readonly title: string;
  readonly resource?: string;
  readonly rules: readonly string[];
  readonly client?: { readonly ip?: string; readonly port?: number };
  readonly server?: { readonly ip?: string; readonly port?: number };
  readonly request?: {
    readonly method?: string;
    readonly uri?: string;
    readonly http_version?: number;
    readonly headers?: Record<string, string>;
    readonly body?: readonly string[];
  };
  readonly response?: { readonly headers?: Record<string, string>; readonly body?: readonly string[]; readonly protocol?: string };
  readonly expected?: {
    readonly http_code?: number;
    readonly debug_log?: string;
    readonly error_log?: string;
    readonly redirect_url?: string;
    readonly parser_error?: string;
  };
}

/** Resources of cases that nothing here runs, and why. */
const foreign: ReadonlyMap<string, string> = new Map([
  ['lua', 'a Lua interpreter: scripts are refused at load'],
  ['curl', 'the network: rules and lists are not fetched'],
]);
/** Data files that the cases name and the shared data lack, written from what the cases expect of them. */
const standIns: ReadonlyMap<string, string> = new Map([
  ['data/config_example2.txt', 'SecRule ARGS "@contains config_example2" "id:102,pass,t:trim"'],
  ['data/ipMatchFromFile.txt', '# The client of the case, and others\n127.0.0.1\n10.10.10.1\n::1\n200.249.12.31\n'],
]);
const bytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

/** @param file as the suite's runner calls it: debug logs name it */
function load(test: RegressionCase, folder: string, file: string): Engine {
  const locate = (name: string): string => resolve(folder, name.replace(/^(?:\.\/)?test-cases\//, '').replace(/^data\/data\//, 'data/'));
  const files = {
    expand: (pattern: string) => {
      const path = locate(pattern);
      const found = diskFiles.expand(path, join(folder, file));
      return found.length > 0 ? found : [...standIns.keys()].map((name) => join(folder, name)).filter((name) => matchesGlob(name, path));
    },
    read: (path: string) => standIns.get(relative(folder, path)) ?? diskFiles.read(path),
  };
  const text = bytes([...test.rules, 'SecInterceptOnError Off'].join('\n'));
  return compile(parseSecLang(text, file, { profile: 'modsecurity3', files }), {
    profile: 'modsecurity3',
    isReference: true,
    environment: { ...process.env, MODSECURITY: 'ModSecurity regression tests' },
    // PCRE's limit counts steps one by one; one unit of ours is 50 instructions of the automaton.
    regexStepBudget: Number(/^SecPcreMatchLimit (\d+)/m.exec(text)?.[1] ?? 1_000_000) / 50,
    readDataFile: (name) => files.read(locate(name)),
    inspectFile: (program, path) => spawnSync(program, [path], { encoding: 'latin1', timeout: 5000 }).stdout,
    uploads: { save: () => '/nowhere', remove: () => {} },
  });
}

function run(engine: Engine, test: RegressionCase): { result: TransactionResult; trace: string } {
  const { client, server, request, response } = test;
  const transaction = engine.transaction({
    id: '179528400012.345678',
    now: Date.now,
    connection: {
      clientAddress: client?.ip ?? '',
      clientPort: client?.port ?? 0,
      serverAddress: server?.ip ?? '',
      serverPort: server?.port ?? 0,
    },
  });
  const lines: string[] = [];
  transaction.state.trace = (level, line) => lines.push(`[${level}] ${line}`);
  const pairs = (headers: Record<string, string> | undefined) =>
    Object.entries(headers ?? {}).map(([name, value]) => [name, bytes(value)] as const);
  transaction.requestHeaders({
    method: request?.method ?? 'GET',
    uri: bytes(request?.uri ?? '/'),
    protocol: `HTTP/${request?.http_version ?? 1.1}`,
    headers: pairs(request?.headers),
  });
  transaction.requestBodyChunk(textOf(request?.body));
  transaction.requestBody();
  transaction.responseHeaders({ status: 200, protocol: response?.protocol ?? 'HTTP/1.1', headers: pairs(response?.headers) });
  transaction.responseBodyChunk(textOf(response?.body));
  transaction.responseBody();
  return { result: transaction.finish(), trace: lines.join('\n') };
}

/** The suite's own runner ends every line of a body. */
const textOf = (lines: string | readonly string[] | undefined): Buffer =>
  Buffer.from(
    [lines ?? []]
      .flat()
      .map((line) => `${line}\n`)
      .join(''),
    'utf8',
  );

function judge(test: RegressionCase, folder: string, file: string): Omit<CaseResult, 'name'> {
  const expected = test.expected ?? {};
  let engine: Engine;
  try {
    engine = load(test, folder, file);
  } catch (error) {
    if (!(error instanceof WafConfigError)) throw error;
    if (expected.parser_error !== undefined) return { status: 'pass' };
    return { status: 'fail', detail: error.message };
  }
  if (expected.parser_error !== undefined) return { status: 'fail', detail: `loaded, wanted the parser error ${expected.parser_error}` };
  const { result, trace } = run(engine, test);
  const status = result.interruption?.status ?? 200;
  const wantedStatus = expected.http_code ?? 200;
  if (wantedStatus !== status) return { status: 'fail', detail: `status ${status}, wanted ${wantedStatus}` };
  if (expected.redirect_url !== undefined && expected.redirect_url !== result.interruption?.url)
    return { status: 'fail', detail: `redirect to ${result.interruption?.url}, wanted ${expected.redirect_url}` };
  const log = result.matched
    .flatMap((rule) =>
      rule.variables.map((match) =>
        renderMatch(rule, match, {
          uri: test.request?.uri ?? '',
          hostname: '',
          uniqueId: result.id,
          interruption: result.interruption,
          profile: 'modsecurity3',
        }),
      ),
    )
    .join('\n');
  for (const [kind, pattern] of [
    ['debug', expected.debug_log],
    ['error', expected.error_log],
  ] as const) {
    if (pattern === undefined || new RegExp(pattern, 'sm').test(kind === 'debug' ? trace : log)) continue;
    return { status: 'fail', detail: `${kind} log lacks ${pattern}` };
  }
  return { status: 'pass' };
}

const suite: Suite = {
  name: 'regression',
  async run(dataDir) {
    const folder = join(dataDir, 'waf/modsecurity-regression');
    if (!existsSync(folder)) return [{ name: 'data', status: 'skip', detail: noData(folder) }];
    const results: CaseResult[] = [];
    for (const file of readdirSync(folder).sort()) {
      if (!file.endsWith('.json')) continue;
      const tests = [JSON.parse(readFileSync(join(folder, file), 'utf8'))].flat() as RegressionCase[];
      for (const [index, test] of tests.entries()) {
        const name = `${file.slice(0, -5)}-${index + 1}`;
        if (test.resource !== undefined && foreign.has(test.resource))
          results.push({ name, status: 'skip', detail: `needs ${foreign.get(test.resource)}` });
        else {
          try {
            results.push({ name, ...judge(test, folder, file) });
          } catch (error) {
            results.push({ name, status: 'fail', detail: `crashed: ${(error as Error).message}` });
          }
        }
      }
    }
    return results;
  },
};

export const suites: Suite[] = [suite];
