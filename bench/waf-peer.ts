/** libmodsecurity through its C API, in this process, fed the same rules and requests. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import koffi from 'koffi';

export interface BenchRequest {
  readonly name: string;
  readonly method: string;
  readonly uri: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer | undefined;
  readonly response: Buffer | undefined;
}

export interface Peer {
  readonly name: string;
  /** Run one transaction; the status of its interruption, 200 for none. */
  run(request: BenchRequest): number;
  close(): void;
}

const WHEEL = 'libmodsecurity==3.0.15.post2';

/** The library of the PyPI wheel: PALISADE_LIBMODSECURITY, or fetched once into the cache. Undefined when it cannot be had. */
function findLibrary(): string | undefined {
  const given = process.env['PALISADE_LIBMODSECURITY'];
  if (given !== undefined) return existsSync(given) ? given : undefined;
  const folder = join(process.env['PALISADE_CACHE'] ?? join(homedir(), '.cache/palisade'), 'peers/libmodsecurity');
  const find = () => globSync(join(folder, 'libmodsecurity.libs/libmodsecurity-*.so*'))[0];
  const known = find();
  if (known !== undefined) return known;
  spawnSync('python3', ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--target', folder, WHEEL], { stdio: 'ignore' });
  return find();
}

/** Its parser refuses a chained SecRule without actions directly before another SecRule: a copy with blank lines between. */
function spacedCopy(files: readonly string[]): { folder: string; files: string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'palisade-waf-bench-'));
  for (const file of files) {
    for (const data of globSync(join(file, '../*.data'))) cpSync(data, join(folder, basename(data)));
    writeFileSync(join(folder, basename(file)), readFileSync(file, 'latin1').replace(/^(?=Sec)/gm, '\n'), 'latin1');
  }
  return { folder, files: files.map((file) => join(folder, basename(file))) };
}

/** A type has one name in a process, however often the peer is opened. */
const logFunction = koffi.proto('void WafLog(void *data, const void *message)');

/**
 * @param files rule files in order
 * @param onLog receives a line for each rule that matches and logs
 */
export function openPeer(directives: string, files: readonly string[], onLog?: (line: string) => void): Peer | undefined {
  const path = findLibrary();
  if (path === undefined) return undefined;
  const lib = koffi.load(path);
  const Intervention = koffi.struct({ status: 'int', pause: 'int', url: 'char *', log: 'char *', disruptive: 'int' });
  const call = (declaration: string) => lib.func(declaration);
  const init = call('void *msc_init()');
  const createRules = call('void *msc_create_rules_set()');
  const addRules = call('int msc_rules_add(void *rules, const char *text, _Out_ char **error)');
  const addFile = call('int msc_rules_add_file(void *rules, const char *file, _Out_ char **error)');
  const newTransaction = call('void *msc_new_transaction(void *ms, void *rules, void *data)');
  const connection = call('int msc_process_connection(void *tx, const char *client, int clientPort, const char *server, int serverPort)');
  const uri = call('int msc_process_uri(void *tx, const char *uri, const char *method, const char *version)');
  const addHeader = call('int msc_add_request_header(void *tx, const char *name, const char *value)');
  const requestHeaders = call('int msc_process_request_headers(void *tx)');
  const appendBody = call('int msc_append_request_body(void *tx, const uint8_t *body, size_t length)');
  const requestBody = call('int msc_process_request_body(void *tx)');
  const addResponseHeader = call('int msc_add_response_header(void *tx, const char *name, const char *value)');
  const responseHeaders = call('int msc_process_response_headers(void *tx, int code, const char *protocol)');
  const appendResponse = call('int msc_append_response_body(void *tx, const uint8_t *body, size_t length)');
  const responseBody = call('int msc_process_response_body(void *tx)');
  const logging = call('int msc_process_logging(void *tx)');
  const cleanup = call('void msc_transaction_cleanup(void *tx)');
  const intervention = lib.func('msc_intervention', 'int', ['void *', koffi.inout(koffi.pointer(Intervention))]);
  const cleanRules = call('int msc_rules_cleanup(void *rules)');
  const ms = init();
  // Without a callback it writes every match to standard error.
  const tell = onLog ? (_: unknown, message: unknown) => onLog(koffi.decode(message, 'char', -1)) : () => {};
  const silence = koffi.register(tell, koffi.pointer(logFunction));
  call('void msc_set_log_cb(void *ms, void *callback)')(ms, silence);
  const rules = createRules();
  const copy = spacedCopy(files);
  const check = (result: number, error: (string | null)[], what: string): void => {
    if (result < 0) throw new Error(`libmodsecurity refuses ${what}: ${error[0]}`);
  };
  try {
    const error: (string | null)[] = [null];
    check(addRules(rules, directives, error), error, 'the directives');
    for (const file of copy.files) check(addFile(rules, file, error), error, file);
  } finally {
    rmSync(copy.folder, { recursive: true, force: true });
  }
  return {
    name: 'libmodsecurity 3.0.15',
    run(request) {
      const tx = newTransaction(ms, rules, null);
      const stopped = (): number => {
        const it = { status: 200, pause: 0, url: null, log: null, disruptive: 0 };
        return intervention(tx, it) > 0 ? it.status : 0;
      };
      const steps = (): number => {
        connection(tx, '192.0.2.1', 40000, '192.0.2.2', 80);
        uri(tx, request.uri, request.method, '1.1');
        for (const [name, value] of request.headers) addHeader(tx, name, value);
        requestHeaders(tx);
        const first = stopped();
        if (first > 0) return first;
        if (request.body) appendBody(tx, request.body, request.body.length);
        requestBody(tx);
        const second = stopped();
        if (second > 0 || !request.response) return second;
        addResponseHeader(tx, 'Content-Type', 'text/html; charset=utf-8');
        responseHeaders(tx, 200, 'HTTP/1.1');
        appendResponse(tx, request.response, request.response.length);
        responseBody(tx);
        return stopped();
      };
      const status = steps();
      logging(tx);
      cleanup(tx);
      return status || 200;
    },
    close: () => {
      cleanRules(rules);
      koffi.unregister(silence);
    },
  };
}
