/** Requests for engines to disagree on: the suites' own, mutations of them, and made-up ones. All from one seed. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCrsCases } from '../waf-crs-cases.ts';

export interface DifferentialRequest {
  readonly name: string;
  readonly method: string;
  readonly uri: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** latin1 */
  readonly body: string;
}

type Random = () => number;

/** Mulberry32: the same row of numbers on every machine. */
function randomFrom(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const MAX_URI = 4000;
const MAX_BODY = 20_000;

/** What both a C API and an HTTP server carry unchanged: no NUL, no line ends, sizes within a server's limits. */
function isPortable({ method, uri, headers, body }: DifferentialRequest): boolean {
  const texts = [method, uri, ...headers.flat()];
  const names = headers.map(([name]) => name.toLowerCase());
  return (
    texts.every((text) => !/[\0\r\n]/.test(text)) &&
    /^[A-Z]{3,10}$/.test(method) &&
    !['CONNECT', 'TRACE'].includes(method) &&
    /^\/[\x21-\x7e]*$/.test(uri) &&
    uri.length <= MAX_URI &&
    body.length <= MAX_BODY &&
    headers.every(([name, value]) => /^[\w-]+$/.test(name) && /^[\t\x20-\x7e\x80-\xff]*$/.test(value) && value.trim() === value) &&
    new Set(names).size === names.length &&
    names.includes('host') &&
    !['transfer-encoding', 'expect', 'upgrade', 'connection', 'content-length', 'te', 'trailer'].some((name) => names.includes(name))
  );
}

/** @param dataDir the conformance data folder */
export function* differentialRequests(dataDir: string, count: number, seed = 20_261_122): Generator<DifferentialRequest> {
  const random = randomFrom(seed);
  const corpus = readCorpus(dataDir);
  const attacks = readAttacks(dataDir);
  // A third each, whatever the count: the bounded run sees every kind.
  for (let index = 0, made = 0; made < count; index++) {
    const kind = index % 3;
    const own = pick(random, corpus);
    const request = kind === 0 ? own : kind === 1 ? mutate(random, own, attacks) : makeUp(random, attacks);
    const numbered = { ...request, name: `${made}-${['corpus', 'mutated', 'generated'][kind]}-${request.name}` };
    if (!isPortable(numbered)) continue;
    made++;
    yield numbered;
  }
}

function readCorpus(dataDir: string): DifferentialRequest[] {
  const dropped = new Set(['connection', 'content-length', 'transfer-encoding']);
  return readCrsCases(join(dataDir, 'waf/crs-tests/v4.25.0')).flatMap(({ name, stages }) =>
    stages
      .filter((stage) => stage.raw === undefined)
      .map(({ method, uri, headers, body }) => ({
        name,
        method,
        uri,
        headers: headers.filter(([key]) => !dropped.has(key.toLowerCase())),
        body,
      }))
      .filter(isPortable),
  );
}

/** Texts of attacks, from libinjection's own cases, and plain ones, to put into fields. */
function readAttacks(dataDir: string): string[] {
  const folder = join(dataDir, 'waf/libinjection-tests');
  const inputs = readdirSync(folder).map(
    (file) => /--INPUT--\n([\s\S]*?)\n?--EXPECTED--/.exec(readFileSync(join(folder, file), 'latin1'))?.[1],
  );
  return [...inputs.filter((text) => text !== undefined && text !== '' && text.length < 300), ...plain] as string[];
}

const plain = [
  "1' OR '1'='1",
  'union select password from users',
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '../../../../etc/passwd',
  ';cat /etc/shadow',
  '$(id)',
  '\x24{jndi:ldap://x/a}',
  '<?php system($_GET[0]); ?>',
  'javascript:alert(1)',
  'hello world',
  'Ærøskøbing',
  'a=b&c=d',
  '%2e%2e%2f',
  '{"a":1}',
  '\xff\xfe',
  '&#x6a;avascript',
  'SELECT * FROM t WHERE id=1',
  'O\u0027Reilly',
  '2026-11-22',
];

const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)]!;

/** One to three small changes. */
function mutate(random: Random, request: DifferentialRequest, attacks: readonly string[]): DifferentialRequest {
  let changed = request;
  for (let left = 1 + Math.floor(random() * 3); left > 0; left--) changed = pick(random, changes)(random, changed, attacks);
  return changed;
}

type Change = (random: Random, request: DifferentialRequest, attacks: readonly string[]) => DifferentialRequest;

const at = (random: Random, text: string): number => Math.floor(random() * (text.length + 1));
const splice = (random: Random, text: string, piece: string): string => {
  const place = at(random, text);
  return text.slice(0, place) + piece + text.slice(place);
};
const flipCase = (random: Random, text: string): string =>
  text.replace(/[a-z]/gi, (c) => (random() < 0.3 ? (c === c.toLowerCase() ? c.toUpperCase() : c.toLowerCase()) : c));
const percent = (random: Random, text: string): string =>
  text.replace(/[A-Za-z'"<>();=]/g, (c) => (random() < 0.15 ? `%${c.charCodeAt(0).toString(16).padStart(2, '0')}` : c));
const encode = (text: string): string => encodeURIComponent(Buffer.from(text, 'latin1').toString('latin1'));

const changes: readonly Change[] = [
  (random, request) => ({ ...request, uri: `/${flipCase(random, request.uri.slice(1))}` }),
  (random, request) => ({ ...request, uri: `/${percent(random, request.uri.slice(1))}` }),
  (random, request) => ({ ...request, body: flipCase(random, request.body) }),
  (random, request) => ({
    ...request,
    body: splice(random, request.body, pick(random, ['%00', '+', '/**/', '\t', '%', '&', '=', ';', '"', '\\'])),
  }),
  (random, request) => ({
    ...request,
    uri: `/${splice(random, request.uri.slice(1), pick(random, ['%20', '+', '/**/', '%0a', '%', '&', '=', ';', '//', '/./']))}`,
  }),
  (random, request, attacks) => ({
    ...request,
    uri: `${request.uri}${request.uri.includes('?') ? '&' : '?'}x${Math.floor(random() * 9)}=${encode(pick(random, attacks))}`,
  }),
  (random, request) => ({ ...request, body: request.body.slice(0, at(random, request.body)) }),
  (random, request, attacks) => ({
    ...request,
    headers: request.headers.map(([name, value]) =>
      random() < 0.2 && name.toLowerCase() !== 'host' && name.toLowerCase() !== 'content-type'
        ? ([name, `${value} ${pick(random, attacks)}`.trim()] as const)
        : ([name, value] as const),
    ),
  }),
  (random, request) => ({ ...request, headers: request.headers.filter(([name]) => name.toLowerCase() === 'host' || random() < 0.8) }),
];

const words = ['id', 'q', 'name', 'user', 'page', 'sort', 'file', 'url', 'lang', 'data', 'a[]', 'x.y', 'cmd', 'text'];
const paths = [
  '/',
  '/index.php',
  '/api/v1/items',
  '/search',
  '/a/b/../c',
  '/static/app.js',
  '/wp-login.php',
  '/%7Euser/',
  '/x.bak',
  '/%e4%f6',
];
const agents = ['Mozilla/5.0 (X11; Linux x86_64)', 'curl/8.5.0', 'sqlmap/1.8', 'python-requests/2.31', 'OWASP CRS test agent', '-'];

function makeUp(random: Random, attacks: readonly string[]): DifferentialRequest {
  const value = (): string => (random() < 0.5 ? pick(random, attacks) : Math.floor(random() * 1e6).toString(36));
  const fields = Array.from({ length: 1 + Math.floor(random() * 5) }, () => [pick(random, words), value()] as const);
  const form = fields.map(([name, text]) => `${encode(name)}=${encode(text)}`).join('&');
  const headers: [string, string][] = [
    ['Host', 'localhost'],
    ['User-Agent', pick(random, agents)],
    ['Accept', pick(random, ['*/*', 'text/html,application/xhtml+xml', 'application/json', ''])],
  ];
  if (random() < 0.3)
    headers.push([
      'Cookie',
      fields.map(([name, text]) => `${name.replace(/\W/g, '')}=${text.replace(/[^\x21-\x7e]|[;,]/g, '')}`).join('; '),
    ]);
  if (random() < 0.3) headers.push(['Referer', `http://example.com/?${form.slice(0, 300)}`]);
  const path = pick(random, paths);
  const type = Math.floor(random() * 5);
  if (type === 0) return { name: 'get', method: 'GET', uri: `${path}?${form}`, headers, body: '' };
  const [name, contentType, body] = bodies[type - 1]!(fields, random);
  return { name, method: pick(random, ['POST', 'POST', 'PUT']), uri: path, headers: [...headers, ['Content-Type', contentType]], body };
}

type Fields = readonly (readonly [string, string])[];

const bodies: readonly ((fields: Fields, random: Random) => [name: string, contentType: string, body: string])[] = [
  (fields) => ['form', 'application/x-www-form-urlencoded', fields.map(([name, text]) => `${encode(name)}=${encode(text)}`).join('&')],
  (fields, random) => {
    const value = (text: string): unknown => (random() < 0.2 ? [text, 1, null] : random() < 0.2 ? { inner: text, yes: true } : text);
    const json = JSON.stringify(Object.fromEntries(fields.map(([name, text]) => [name, value(text)])));
    return ['json', 'application/json', Buffer.from(json, 'utf8').toString('latin1')];
  },
  (fields, random) => {
    const boundary = `----b${Math.floor(random() * 1e9).toString(36)}`;
    const parts = fields.map(([name, text]) => {
      const file = random() < 0.3 ? `; filename="${name.replace(/\W/g, '')}.txt"\r\nContent-Type: text/plain` : '';
      return `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${file}\r\n\r\n${text}\r\n`;
    });
    return ['multipart', `multipart/form-data; boundary=${boundary}`, `${parts.join('')}--${boundary}--\r\n`];
  },
  (fields) => {
    const asEntities = (text: string) => text.replace(/[<>&"]/g, (c) => `&#${c.charCodeAt(0)};`).replace(/[\x80-\xff]|[\x00-\x08]/g, '');
    const items = fields.map(
      ([name, text]) => `<${name.replace(/\W/g, '')} a="${asEntities(text)}">${asEntities(text)}</${name.replace(/\W/g, '')}>`,
    );
    return ['xml', 'application/xml', `<?xml version="1.0"?><r>${items.join('')}</r>`];
  },
];
