/** Rules and requests that every side of the WAF benchmark gets, and how our engine runs them. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Engine } from '@palisade/waf';
import type { BenchRequest } from '../waf-peer.ts';

interface RequestFile {
  readonly headers: readonly (readonly [string, string])[];
  readonly requests: readonly {
    readonly name: string;
    readonly method: string;
    readonly uri: string;
    readonly contentType?: string;
    readonly body?: string;
  }[];
  readonly responseBody: string;
}

const rulesFolder =
  process.env['PALISADE_CRS4'] ??
  join(process.env['GOPATH'] ?? join(homedir(), 'go'), 'pkg/mod/github.com/corazawaf/coraza-coreruleset/v4@v4.25.0/rules/@owasp_crs');
const requestFile = join(
  process.env['SHARED_DIR'] ?? join(new URL('.', import.meta.url).pathname, '../../../shared'),
  'bench/waf-requests.json',
);

/** A file the benchmark cannot do without and that is not there. */
export function missingFile(): string | undefined {
  return [rulesFolder, requestFile].find((path) => !existsSync(path));
}

/** The settings of the measurement; the paranoia level is set as crs-setup.conf does. */
export function directivesFor(paranoia: number): string {
  return `
SecRuleEngine On
SecRequestBodyAccess On
SecResponseBodyAccess On
SecRequestBodyLimit 13107200
SecRequestBodyNoFilesLimit 1048576
SecResponseBodyLimit 524288
SecRule REQUEST_HEADERS:Content-Type "^application/json" "id:200001,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON"
SecAction "id:900000,phase:1,pass,nolog,setvar:tx.blocking_paranoia_level=${paranoia}"
`;
}

/** The Core Rule Set's files, in order. */
export function ruleFiles(): string[] {
  return [join(rulesFolder, '../@crs-setup.conf.example'), ...globSync(join(rulesFolder, '*.conf')).sort()].filter((file) =>
    existsSync(file),
  );
}

const LONG_FIELDS = 50;
const LONG_FIELD_BYTES = 2000;

/** The requests of the shared file, a GET with a response, and a form of 100 KB in fifty long fields. */
export function readRequests(): BenchRequest[] {
  const file = JSON.parse(readFileSync(requestFile, 'utf8')) as RequestFile;
  const toRequest = ({ name, method, uri, contentType, body }: RequestFile['requests'][number]): BenchRequest => {
    const bytes = body === undefined ? undefined : Buffer.from(body, 'utf8');
    const extra: [string, string][] =
      bytes && contentType
        ? [
            ['Content-Type', contentType],
            ['Content-Length', String(bytes.length)],
          ]
        : [];
    return { name, method, uri, headers: [...file.headers, ...extra], body: bytes, response: undefined };
  };
  const requests = file.requests.map(toRequest);
  const get = requests.find((request) => request.name === 'get')!;
  const text = 'The+quick+brown+fox+jumps+over+the+lazy+dog.+';
  const field = text.repeat(Math.ceil(LONG_FIELD_BYTES / text.length)).slice(0, LONG_FIELD_BYTES);
  const long = Array.from({ length: LONG_FIELDS }, (_, index) => `text${index}=${field}`).join('&');
  const contentType = 'application/x-www-form-urlencoded';
  return [
    ...requests,
    { ...get, name: 'get+response', response: Buffer.from(file.responseBody, 'utf8') },
    toRequest({ name: 'form 100 KB', method: 'POST', uri: '/api/form', contentType, body: long }),
  ];
}

const connection = { clientAddress: '192.0.2.1', clientPort: 40000, serverAddress: '192.0.2.2', serverPort: 80 };

/** One transaction; the status of its interruption, 200 for none. */
export function runOurs(engine: Engine, request: BenchRequest): number {
  const transaction = engine.transaction({ id: 'bench', now: () => 1_000_000_000_000, connection });
  const decide = (): number => {
    let stopped = transaction.requestHeaders({ method: request.method, uri: request.uri, protocol: 'HTTP/1.1', headers: request.headers });
    if (stopped) return stopped.status;
    if (request.body) transaction.requestBodyChunk(request.body);
    stopped = transaction.requestBody();
    if (stopped || !request.response) return stopped?.status ?? 200;
    transaction.responseHeaders({ status: 200, protocol: 'HTTP/1.1', headers: [['Content-Type', 'text/html; charset=utf-8']] });
    transaction.responseBodyChunk(request.response);
    return transaction.responseBody()?.status ?? 200;
  };
  const status = decide();
  transaction.finish();
  return status;
}
