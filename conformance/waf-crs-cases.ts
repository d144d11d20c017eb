/** Reads the Core Rule Set's regression tests (both YAML shapes) into requests and expectations. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

export interface CrsStage {
  readonly method: string;
  readonly uri: string;
  readonly protocol: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
  /** Exact bytes to send instead, latin1. */
  readonly raw: string | undefined;
  readonly statuses: readonly number[];
  readonly wantedIds: readonly number[];
  readonly unwantedIds: readonly number[];
  readonly wantedLog: readonly string[];
  readonly unwantedLog: readonly string[];
  readonly expectsError: boolean;
}

export interface CrsCase {
  readonly name: string;
  readonly stages: readonly CrsStage[];
}

type Yaml = Record<string, unknown>;

const list = (value: unknown): unknown[] => (value === undefined || value === null ? [] : Array.isArray(value) ? value : [value]);
const latin1 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

export function readCrsCases(folder: string): CrsCase[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.yaml'));
  return files.sort().flatMap((file) => {
    const document = parse(readFileSync(join(folder, file), 'utf8'), { logLevel: 'silent', uniqueKeys: false }) as Yaml | null;
    return list(document?.tests).map((item) => {
      const test = item as Yaml;
      const name = test.test_id === undefined ? String(test.test_title) : `${document?.rule_id}-${test.test_id}`;
      return { name, stages: list(test.stages).map((stage) => readStage(((stage as Yaml).stage ?? stage) as Yaml)) };
    });
  });
}

function readStage(stage: Yaml): CrsStage {
  const input = (stage.input ?? {}) as Yaml;
  const output = (stage.output ?? {}) as Yaml;
  const log = (output.log ?? {}) as Yaml;
  const encoded = (input.encoded_request ?? input.encoded_data) as string | undefined;
  const rawText = input.raw_request as string | undefined;
  const isComplete = input.autocomplete_headers !== false && input.stop_magic !== true;
  const data = list(input.data).map(String).join('\r\n');
  const headers = Object.entries((input.headers ?? {}) as Yaml).map(([name, value]) => [name, latin1(String(value ?? ''))] as const);
  const { body, added } = complete(latin1(data), headers, isComplete);
  return {
    method: String(input.method ?? 'GET'),
    uri: latin1(String(input.uri ?? '/')),
    protocol: String(input.version ?? 'HTTP/1.1'),
    headers: [...headers, ...added],
    body,
    raw: encoded ? Buffer.from(encoded, 'base64').toString('latin1') : rawText === undefined ? undefined : latin1(rawText),
    statuses: list(output.status).map(Number),
    wantedIds: list(log.expect_ids).map(Number),
    unwantedIds: list(log.no_expect_ids).map(Number),
    wantedLog: [...list(log.match_regex), ...list(output.log_contains)].map(String),
    unwantedLog: [...list(log.no_match_regex), ...list(output.no_log_contains)].map(String),
    expectsError: output.expect_error === true,
  };
}

/** The headers and the form encoding that the suites' own runner adds. */
function complete(
  data: string,
  headers: readonly (readonly [string, string])[],
  isComplete: boolean,
): { body: string; added: [string, string][] } {
  const find = (name: string) => headers.find(([key]) => key.toLowerCase() === name)?.[1];
  const added: [string, string][] = [];
  if (!isComplete) return { body: data, added };
  let body = data;
  if (data !== '') {
    const type = find('content-type');
    if (type === undefined) added.push(['Content-Type', 'application/x-www-form-urlencoded']);
    if (type === undefined || type === 'application/x-www-form-urlencoded') body = encodeForm(data);
    if (find('content-length') === undefined && find('transfer-encoding') === undefined)
      added.push(['Content-Length', String(body.length)]);
  }
  if (find('connection') === undefined) added.push(['Connection', 'close']);
  return { body, added };
}

/** Data that is not encoded yet gets encoded, pair by pair. */
function encodeForm(data: string): string {
  const isEncoded = data.includes('+') || /%[0-9A-Fa-f]{2}/.test(data);
  if (isEncoded) return data;
  const encode = (text: string) =>
    text.replace(/[^A-Za-z0-9_.~-]/g, (c) => (c === ' ' ? '+' : `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`));
  return data
    .split('&')
    .map((pair) => pair.split(/=(.*)/s).slice(0, 2).map(encode).join('='))
    .join('&');
}

/** The bytes of a request, latin1. */
export function renderRequest(stage: CrsStage): string {
  if (stage.raw !== undefined) return stage.raw;
  const lines = [`${stage.method} ${stage.uri} ${stage.protocol}`, ...stage.headers.map(([name, value]) => `${name}: ${value}`)];
  return `${lines.join('\r\n')}\r\n\r\n${stage.body}`;
}
