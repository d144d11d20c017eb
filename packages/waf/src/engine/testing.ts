import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Engine, EngineOptions } from './engine.ts';
import { compile } from './engine.ts';
import { parseSecLang } from './seclang/parse.ts';
import type { RequestHead } from './transaction/request.ts';
import type { TransactionResult } from './transaction/transaction.ts';

/** Compile rule text for a test; `SecRuleEngine On` and bodies are switched on first. */
export function engineOf(rules: string, options: EngineOptions = {}): Engine {
  const text = `SecRuleEngine On\nSecRequestBodyAccess On\nSecResponseBodyAccess On\n${rules}`;
  return compile(parseSecLang(text, 'test.conf', options.profile ? { profile: options.profile } : {}), options);
}

export interface TestRequest extends Partial<RequestHead> {
  readonly body?: string;
  /** Sizes of the pieces the body arrives in; the last repeats. */
  readonly chunk?: number;
  /** Without one the request never got an answer. */
  readonly response?: { readonly type: string; readonly body: string };
}

/** Run one request through all phases, with a fixed clock. */
export function runRequest(engine: Engine, request: TestRequest = {}): TransactionResult {
  const transaction = engine.transaction({
    id: 'test',
    now: () => 1_700_000_000_000,
    connection: { clientAddress: '192.0.2.1', clientPort: 1234, serverAddress: '192.0.2.2', serverPort: 80 },
  });
  const { method = 'GET', uri = '/', protocol = 'HTTP/1.1', headers = [['Host', 'localhost']] } = request;
  transaction.requestHeaders({ method, uri, protocol, headers });
  const body = Buffer.from(request.body ?? '', 'latin1');
  const size = request.chunk ?? (body.length || 1);
  for (let at = 0; at < body.length; at += size) transaction.requestBodyChunk(body.subarray(at, at + size));
  transaction.requestBody();
  if (request.response) {
    const { type, body: text } = request.response;
    transaction.responseHeaders({ status: 200, protocol: 'HTTP/1.1', headers: [['Content-Type', type]] });
    transaction.responseBodyChunk(Buffer.from(text, 'latin1'));
    transaction.responseBody();
  }
  return transaction.finish();
}

/** Ids of logged rules that matched. */
export function firedIds(result: TransactionResult): number[] {
  return result.matched.map((rule) => rule.id);
}

/** Core Rule Set 4.25: PALISADE_CRS4, or where the Go module is kept. */
export const crs4Folder =
  process.env['PALISADE_CRS4'] ??
  join(process.env['GOPATH'] ?? join(homedir(), 'go'), 'pkg/mod/github.com/corazawaf/coraza-coreruleset/v4@v4.25.0/rules/@owasp_crs');

/** Why a test over it is skipped, and what fetches it; false when it is there. */
export const crs4Missing =
  !existsSync(crs4Folder) && `no ${crs4Folder}: "go mod download github.com/corazawaf/coraza-coreruleset/v4@v4.25.0" fetches it`;
