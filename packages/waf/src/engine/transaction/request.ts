import { parseCookies } from '../body/cookies.ts';
import { parseJson } from '../body/json.ts';
import { parseMultipart } from '../body/multipart.ts';
import { parseUrlEncoded } from '../body/urlencoded.ts';
import { parseXml } from '../body/xml.ts';
import { textOf } from '../body/xml-tree.ts';
import { urlDecode } from '../transformations/url.ts';
import { Target } from '../variables/target.ts';
import type { TransactionState } from './state.ts';
import { saveUploads } from './uploads.ts';
import { forgetDerived, valuesOf } from './values.ts';

/** The head of a request. All text is latin1: one character a byte. */
export interface RequestHead {
  readonly method: string;
  /** Request target as received. */
  readonly uri: string;
  /** `HTTP/1.1`. */
  readonly protocol: string;
  /** In order, repeated names kept. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

const set = (state: TransactionState, name: string, value: string | number): void => state.setList(name, [new Target('', String(value))]);

/** Fill every variable the head gives. */
export function readRequestHead(state: TransactionState, head: RequestHead): void {
  const { settings } = state.ruleSet;
  const { method, uri, protocol } = head;
  const headers = head.headers.map(([name, value]) => new Target(name, value, true));
  state.setList('REQUEST_HEADERS', headers);
  state.setList('REQUEST_METHOD', [new Target('', method, true)]);
  state.setList('REQUEST_PROTOCOL', [new Target('', protocol, true)]);
  set(state, 'REQUEST_LINE', `${method} ${uri}${protocol === '' ? '' : ` ${protocol}`}`);
  set(state, 'REQUEST_URI_RAW', uri);
  const { path, query, local } = splitUri(uri);
  set(state, 'REQUEST_URI', state.ruleSet.profile === 'modsecurity3' ? decodePath(local) : local);
  // Every engine shows the path decoded.
  const filename = decodePath(path);
  set(state, 'REQUEST_FILENAME', filename);
  set(state, 'REQUEST_BASENAME', filename.slice(Math.max(filename.lastIndexOf('/'), filename.lastIndexOf('\\')) + 1));
  set(state, 'PATH_INFO', filename);
  set(state, 'QUERY_STRING', query);
  const args = parseUrlEncoded(query, settings.argumentSeparator, settings.argumentsLimit);
  state.setList('ARGS_GET', args.args);
  traceArguments(state, 'GET', args.args);
  set(state, 'URLENCODED_ERROR', args.hasInvalidEncoding ? 1 : 0);
  let contentType = '';
  const cookies: Target[] = [];
  for (const header of headers) {
    const name = header.lowerKey;
    if (name === 'cookie') cookies.push(...parseCookies(header.value, settings.cookieSeparator, settings.argumentsLimit));
    else if (name === 'content-type') contentType ||= header.value;
    else if (name === 'host') set(state, 'SERVER_NAME', header.value.replace(/:\d*$/, ''));
    else if (name === 'authorization') readAuthorization(state, header.value);
  }
  state.setList('REQUEST_COOKIES', cookies);
  state.requestBodyProcessor = defaultProcessor(contentType);
  set(state, 'REQBODY_ERROR', args.isOverLimit ? 1 : 0);
  set(state, 'REQBODY_PROCESSOR_ERROR', 0);
  set(state, 'INBOUND_DATA_ERROR', 0);
  set(state, 'OUTBOUND_DATA_ERROR', 0);
}

/** A `+` is no space here. */
function decodePath(path: string): string {
  return path.includes('%') ? urlDecode(path.replaceAll('+', '%2B')) : path;
}

function readAuthorization(state: TransactionState, value: string): void {
  const [scheme, credentials] = value.split(' ', 2);
  set(state, 'AUTH_TYPE', scheme!);
  if (scheme!.toLowerCase() !== 'basic' || credentials === undefined) return;
  set(state, 'REMOTE_USER', Buffer.from(credentials, 'base64').toString('latin1').split(':')[0]!);
}

/** Path and query without scheme, authority and fragment. `//host/path` is a path (RFC 9112 §3.2: origin-form). */
function splitUri(uri: string): { path: string; query: string; local: string } {
  const absolute = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]*/.exec(uri);
  const local = absolute ? uri.slice(absolute[0].length) || '/' : uri;
  const hash = local.indexOf('#');
  const plain = hash < 0 ? local : local.slice(0, hash);
  const mark = plain.indexOf('?');
  return { path: mark < 0 ? plain : plain.slice(0, mark), query: mark < 0 ? '' : plain.slice(mark + 1), local: plain };
}

function defaultProcessor(contentType: string): string {
  const type = contentType.toLowerCase();
  if (type.startsWith('application/x-www-form-urlencoded')) return 'URLENCODED';
  return type.startsWith('multipart/form-data') ? 'MULTIPART' : '';
}

/** Fill every variable the body gives, by the processor chosen in phase 1. */
export function readRequestBody(state: TransactionState, body: string): void {
  set(state, 'REQUEST_BODY_LENGTH', body.length);
  traceAccess(state);
  if (state.ruleSet.settings.hasInputStream) set(state, 'STREAM_INPUT_BODY', body);
  if (body.length > 0) parseBody(state, body);
  traceArguments(state, 'BODY', valuesOf(state, 'ARGS_POST'));
  const head = valuesOf(state, 'REQUEST_LINE')[0]?.value ?? '';
  const lines = valuesOf(state, 'REQUEST_HEADERS').map((header) => `${header.key}: ${header.value}\n`);
  // ModSecurity 3 leaves out the request line.
  const full = state.ruleSet.profile === 'modsecurity3' ? `${lines.join('')}\n\n${body}` : `${head}\n${lines.join('')}\n${body}`;
  set(state, 'FULL_REQUEST', full);
  set(state, 'FULL_REQUEST_LENGTH', full.length);
  forgetDerived(state);
}

function traceAccess({ trace, requestBodyAccess: isOn, ruleSet }: TransactionState): void {
  if (isOn === ruleSet.settings.requestBodyAccess) return;
  const [before, now] = isOn ? ['disabled', 'enabled'] : ['enabled', 'disabled'];
  trace?.(4, `Request body processing is ${before}, but ${now} to this transaction due to ctl:requestBodyAccess action`);
}

function parseBody(state: TransactionState, body: string): void {
  const { settings, profile } = state.ruleSet;
  const processor = state.requestBodyProcessor.toUpperCase();
  // ModSecurity 2 has REQUEST_BODY for forms and when a rule asks for it; 3 and Coraza always.
  const isVisible = profile !== 'modsecurity2' || processor === 'URLENCODED' || (processor === '' && state.isRequestBodyForced);
  if (isVisible && (processor !== 'MULTIPART' || profile === 'modsecurity3')) set(state, 'REQUEST_BODY', body);
  if (processor !== 'MULTIPART' && body.length > settings.requestBodyNoFilesLimit) noFilesError(state, body.length);
  // The limit counts what the query string brought, too.
  const room = Math.max(0, settings.argumentsLimit - valuesOf(state, 'ARGS_GET').length);
  switch (processor) {
    case 'URLENCODED': {
      const parsed = parseUrlEncoded(body, settings.argumentSeparator, room);
      state.setList('ARGS_POST', parsed.args);
      if (parsed.hasInvalidEncoding) set(state, 'URLENCODED_ERROR', 1);
      if (parsed.isOverLimit)
        bodyError(state, `Skipping request argument, over limit: more than ${settings.argumentsLimit} (SecArgumentsLimit)`);
      return;
    }
    case 'MULTIPART':
      readMultipart(state, body);
      return;
    case 'JSON': {
      const parsed = parseJson(body, profile, settings.requestBodyJsonDepthLimit, room);
      state.setList('ARGS_POST', parsed.args);
      if (!parsed.ok) bodyError(state, parsed.reason);
      return;
    }
    case 'XML': {
      const parsed = parseXml(body);
      state.xml = parsed.root;
      if (!parsed.ok) bodyError(state, parsed.reason);
      if (parsed.root && settings.parseXmlIntoArgs !== 'Off') state.setList('ARGS_POST', [new Target('xml', textOf(parsed.root))]);
      return;
    }
    default:
  }
}

function noFilesError(state: TransactionState, length: number): void {
  const { profile, settings } = state.ruleSet;
  const limit = settings.requestBodyNoFilesLimit;
  const reason = `Request body excluding files is bigger than the maximum expected. Found ${length} bytes, limit ${limit} (SecRequestBodyNoFilesLimit)`;
  bodyError(state, reason);
  // ModSecurity 3 leaves it to rules over REQBODY_ERROR.
  if (profile === 'modsecurity2' && settings.requestBodyLimitAction === 'Reject' && state.engineMode === 'On')
    state.interruption ??= { kind: 'deny', status: 413, url: undefined, ruleId: 0, phase: 2, reason };
}

function traceArguments(state: TransactionState, from: 'GET' | 'BODY', args: readonly Target[]): void {
  if (!state.trace) return;
  for (const { key, value } of args) state.trace(4, `Adding request argument (${from}): name "${key}", value "${value}"`);
}

/** A body that its processor cannot read: the rules decide (REQBODY_ERROR). */
export function bodyError(state: TransactionState, message: string): void {
  state.trace?.(4, message);
  set(state, 'REQBODY_ERROR', 1);
  set(state, 'REQBODY_ERROR_MSG', message);
  set(state, 'REQBODY_PROCESSOR_ERROR', 1);
  set(state, 'REQBODY_PROCESSOR_ERROR_MSG', message);
}

function readMultipart(state: TransactionState, body: string): void {
  const { settings, profile } = state.ruleSet;
  const contentType = valuesOf(state, 'REQUEST_HEADERS').find((header) => header.lowerKey === 'content-type')?.value ?? '';
  const parsed = parseMultipart(contentType, body, {
    maxFiles: settings.uploadFileLimit,
    maxArgs: settings.argumentsLimit,
    profile,
    trace: state.trace,
  });
  const { files, flags } = parsed;
  state.setList('ARGS_POST', parsed.args);
  state.setList(
    'FILES',
    files.map((file) => new Target(file.name, file.filename)),
  );
  state.setList(
    'FILES_NAMES',
    files.map((file) => new Target(file.name, file.name)),
  );
  state.setList(
    'FILES_SIZES',
    files.map((file) => new Target(file.name, String(file.content.length))),
  );
  state.setList(
    'FILES_TMP_CONTENT',
    files.map((file) => new Target(file.name, file.content)),
  );
  set(
    state,
    'FILES_COMBINED_SIZE',
    files.reduce((sum, file) => sum + file.content.length, 0),
  );
  state.setList(
    'MULTIPART_FILENAME',
    files.map((file) => new Target(file.name, file.filename)),
  );
  state.setList(
    'MULTIPART_NAME',
    files.map((file) => new Target(file.name, file.name)),
  );
  state.setList('MULTIPART_PART_HEADERS', parsed.partHeaders);
  const unsaved = saveUploads(state, files);
  if (unsaved !== undefined) bodyError(state, unsaved);
  for (const [name, value] of Object.entries(flags)) set(state, `MULTIPART_${name}`, value);
  set(state, 'MULTIPART_STRICT_ERROR', parsed.isStrictError ? 1 : 0);
  if (parsed.error !== undefined) bodyError(state, parsed.error);
  if (parsed.noFilesLength > settings.requestBodyNoFilesLimit) noFilesError(state, parsed.noFilesLength);
}
