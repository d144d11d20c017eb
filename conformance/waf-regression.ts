/** ModSecurity 3's regression cases, through the engine's API with that profile. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { compile, diskFiles, type Engine, parseSecLang, renderMatch, type TransactionResult, WafConfigError } from '@palisade/waf';
import type { CaseResult, Suite } from './suite.ts';

interface RegressionCase {
  readonly title: string;
  readonly resource?: string;
  readonly version_max?: number;
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

/** The engine whose cases these are: those for older ones only are left out. */
const VERSION = 30001500;
const foreign: ReadonlySet<string> = new Set(['lua', 'geoip', 'maxmind', 'curl', 'ssdeep']);
const bytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

function load(test: RegressionCase, folder: string): Engine {
  const file = join(folder, 'rules.conf');
  const locate = (name: string): string => resolve(folder, name.replace(/^(?:\.\/)?test-cases\//, '').replace(/^data\/data\//, 'data/'));
  const files = { expand: (pattern: string) => diskFiles.expand(locate(pattern), file), read: diskFiles.read };
  return compile(parseSecLang(bytes(test.rules.join('\n')), file, { profile: 'modsecurity3', files }), {
    profile: 'modsecurity3',
    isReference: true,
    regexStepBudget: 20_000,
    readDataFile: (name) => readFileSync(locate(name), 'latin1'),
  });
}

function run(engine: Engine, test: RegressionCase): { result: TransactionResult; trace: string } {
  const { client, server, request, response } = test;
  const transaction = engine.transaction({
    id: 'regression',
    now: Date.now,
    connection: {
      clientAddress: client?.ip ?? '',
      clientPort: client?.port ?? 0,
      serverAddress: server?.ip ?? '',
      serverPort: server?.port ?? 0,
    },
  });
  const lines: string[] = [];
  transaction.state.trace = (line) => lines.push(`[9] ${line}`);
  const pairs = (headers: Record<string, string> | undefined) =>
    Object.entries(headers ?? {}).map(([name, value]) => [name, bytes(value)] as const);
  transaction.requestHeaders({
    method: request?.method ?? 'GET',
    uri: bytes(request?.uri ?? '/'),
    protocol: `HTTP/${request?.http_version ?? 1.1}`,
    headers: pairs(request?.headers),
  });
  transaction.requestBodyChunk(Buffer.from([request?.body ?? []].flat().join('\n'), 'utf8'));
  transaction.requestBody();
  transaction.responseHeaders({ status: 200, protocol: response?.protocol ?? 'HTTP/1.1', headers: pairs(response?.headers) });
  transaction.responseBodyChunk(Buffer.from([response?.body ?? []].flat().join('\n'), 'utf8'));
  transaction.responseBody();
  return { result: transaction.finish(), trace: lines.join('\n') };
}

/** Parts of a debug log that say what the engine saw and decided; the rest is wording. */
const behaviour = /Target value|Rule returned|Executing operator|T \\\(\d|Variable:|Added regex/;

function judge(test: RegressionCase, folder: string): Omit<CaseResult, 'name'> {
  const expected = test.expected ?? {};
  let engine: Engine;
  try {
    engine = load(test, folder);
  } catch (error) {
    if (!(error instanceof WafConfigError)) throw error;
    if (expected.parser_error !== undefined) return { status: 'pass' };
    if (error.code === 'missing-file' || /no such file/.test(error.message))
      return { status: 'skip', detail: 'a data file of the case is not among the shared ones' };
    if (error.code === 'unsupported') return { status: 'skip', detail: error.message.replace(/^.*rules\.conf:\d+: /, '') };
    return { status: 'fail', detail: error.message };
  }
  if (expected.parser_error !== undefined) return { status: 'fail', detail: `loaded, wanted the parser error ${expected.parser_error}` };
  const { result, trace } = run(engine, test);
  const status = result.interruption?.status ?? 200;
  if (expected.http_code !== undefined && expected.http_code !== status)
    return { status: 'fail', detail: `status ${status}, wanted ${expected.http_code}` };
  if (expected.redirect_url !== undefined && expected.redirect_url !== result.interruption?.url)
    return { status: 'fail', detail: `redirect to ${result.interruption?.url}, wanted ${expected.redirect_url}` };
  const log = result.matched
    .flatMap((rule) =>
      rule.variables.map((match) => renderMatch(rule, match, { uri: test.request?.uri ?? '', hostname: '', uniqueId: result.id })),
    )
    .join('\n');
  for (const [kind, pattern] of [
    ['debug', expected.debug_log],
    ['error', expected.error_log],
  ] as const) {
    if (pattern === undefined || pattern === '' || new RegExp(pattern, 's').test(kind === 'debug' ? trace : log)) continue;
    if (kind === 'debug' && behaviour.test(pattern)) return { status: 'fail', detail: `trace lacks ${pattern}` };
    if (expected.http_code === undefined || kind === 'error')
      return { status: 'skip', detail: `asks for the wording of ModSecurity's ${kind} log: ${pattern.slice(0, 60)}` };
  }
  return { status: 'pass' };
}

const suite: Suite = {
  name: 'regression',
  async run(dataDir) {
    const folder = join(dataDir, 'waf/modsecurity-regression');
    if (!existsSync(folder)) return [{ name: 'data', status: 'skip', detail: `no ${folder}` }];
    const results: CaseResult[] = [];
    for (const file of readdirSync(folder).sort()) {
      if (!file.endsWith('.json')) continue;
      const tests = [JSON.parse(readFileSync(join(folder, file), 'utf8'))].flat() as RegressionCase[];
      for (const [index, test] of tests.entries()) {
        const name = `${file.slice(0, -5)}-${index + 1}`;
        if (test.resource !== undefined && foreign.has(test.resource))
          results.push({ name, status: 'skip', detail: `needs the resource ${test.resource}` });
        else if (test.version_max !== undefined && test.version_max > 0 && test.version_max < VERSION)
          results.push({ name, status: 'skip', detail: `for versions up to ${test.version_max} only` });
        else {
          try {
            results.push({ name, ...judge(test, folder) });
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
