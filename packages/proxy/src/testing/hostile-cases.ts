/** Hostile requests as bytes, the verdict of this proxy, and Envoy's where it is another one (measured with 1.40).
 * A fragment is 400 there unless `http_reject_path_with_fragment` is off, as Istio sets it. */
export interface HostileCase {
  readonly name: string;
  readonly bytes: string;
  /** Status of the first answer. 200 means that the application answered. */
  readonly verdict: number;
  /** What the application must have seen, when it answers. */
  readonly seen?: string;
  readonly envoy?: number;
}

const head = (first: string, ...lines: string[]) => `${[first, ...lines].join('\r\n')}\r\n\r\n`;
const get = (target: string, ...lines: string[]) => head(`GET ${target} HTTP/1.1`, 'Host: a', ...lines);
const post = (...lines: string[]) => head('POST / HTTP/1.1', 'Host: a', ...lines);

export const hostileCases: readonly HostileCase[] = [
  // Smuggling: RFC 9112 §6.1, §6.3.
  { name: 'both lengths', bytes: `${post('Content-Length: 5', 'Transfer-Encoding: chunked')}0\r\n\r\n`, verdict: 400 },
  { name: 'two content-lengths', bytes: `${post('Content-Length: 5', 'Content-Length: 6')}hello!`, verdict: 400 },
  { name: 'two equal content-lengths', bytes: `${post('Content-Length: 5', 'Content-Length: 5')}hello`, verdict: 400 },
  { name: 'a list of content-lengths', bytes: `${post('Content-Length: 5, 5')}hello`, verdict: 400 },
  { name: 'signed content-length', bytes: `${post('Content-Length: +5')}hello`, verdict: 400 },
  { name: 'hexadecimal content-length', bytes: `${post('Content-Length: 0x5')}hello`, verdict: 400 },
  { name: 'content-length beyond numbers', bytes: post('Content-Length: 99999999999999999999'), verdict: 400 },
  {
    name: 'transfer-encoding that ends in another coding',
    bytes: `${post('Transfer-Encoding: chunked, identity')}0\r\n\r\n`,
    verdict: 501,
  },
  { name: 'transfer-encoding with a made-up name', bytes: `${post('Transfer-Encoding: xchunked')}0\r\n\r\n`, verdict: 501 },
  {
    name: 'repeated transfer-encoding',
    bytes: `${post('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
    verdict: 400,
    envoy: 501,
  },
  { name: 'tab before the colon', bytes: `${post('Transfer-Encoding\t: chunked')}0\r\n\r\n`, verdict: 400 },
  { name: 'space before the colon', bytes: `${post('Content-Length : 5')}hello`, verdict: 400 },
  { name: 'vertical tab around chunked', bytes: `${post('Transfer-Encoding: \x0bchunked')}0\r\n\r\n`, verdict: 400 },
  // Lines: RFC 9112 §2.2, §5.2.
  { name: 'bare LF after a field', bytes: 'GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n', verdict: 400, envoy: 200 },
  { name: 'bare LF after the request line', bytes: 'GET / HTTP/1.1\nHost: a\r\n\r\n', verdict: 400, envoy: 200 },
  { name: 'bare CR in a value', bytes: get('/', 'X: a\rb'), verdict: 400, envoy: 200 },
  { name: 'folded line', bytes: get('/', 'X: a', ' b'), verdict: 400, envoy: 200 },
  { name: 'space before the first field', bytes: 'GET / HTTP/1.1\r\n Host: a\r\n\r\n', verdict: 400 },
  { name: 'NUL in a value', bytes: get('/', 'X: a\0b'), verdict: 400 },
  { name: 'NUL in a name', bytes: get('/', 'X\0: a'), verdict: 400 },
  { name: 'a field without a colon', bytes: get('/', 'nonsense'), verdict: 400 },
  { name: 'an empty name', bytes: get('/', ': a'), verdict: 400 },
  // Chunks: RFC 9112 §7.1.
  { name: 'chunk size with a sign', bytes: `${post('Transfer-Encoding: chunked')}+5\r\nhello\r\n0\r\n\r\n`, verdict: 400 },
  { name: 'chunk size with a prefix', bytes: `${post('Transfer-Encoding: chunked')}0x5\r\nhello\r\n0\r\n\r\n`, verdict: 400 },
  { name: 'chunk size beyond numbers', bytes: `${post('Transfer-Encoding: chunked')}fffffffffffffffff\r\n`, verdict: 400 },
  { name: 'chunk longer than its size', bytes: `${post('Transfer-Encoding: chunked')}3\r\nhello\r\n0\r\n\r\n`, verdict: 400, envoy: 200 },
  { name: 'bare LF after a chunk size', bytes: `${post('Transfer-Encoding: chunked')}5\nhello\r\n0\r\n\r\n`, verdict: 400 },
  { name: 'bare LF in a chunk extension', bytes: `${post('Transfer-Encoding: chunked')}5;a\nb\r\nhello\r\n0\r\n\r\n`, verdict: 400 },
  { name: 'space after a chunk size', bytes: `${post('Transfer-Encoding: chunked')}5 \r\nhello\r\n0\r\n\r\n`, verdict: 400, envoy: 200 },
  {
    name: 'a chunk extension is dropped',
    bytes: `${post('Transfer-Encoding: chunked')}5;a=b\r\nhello\r\n0\r\n\r\n`,
    verdict: 200,
    seen: 'POST / a hello',
  },
  { name: 'framing in a trailer', bytes: `${post('Transfer-Encoding: chunked')}0\r\nContent-Length: 5\r\n\r\n`, verdict: 400, envoy: 200 },
  // Request line and target: RFC 9112 §3.
  { name: 'two spaces in the request line', bytes: head('GET  / HTTP/1.1', 'Host: a'), verdict: 400, envoy: 200 },
  { name: 'no version', bytes: head('GET /', 'Host: a'), verdict: 400, envoy: 426 },
  { name: 'another protocol', bytes: head('GET / HTTQ/1.1', 'Host: a'), verdict: 400 },
  { name: 'version 2.0', bytes: head('GET / HTTP/2.0', 'Host: a'), verdict: 505, envoy: 426 },
  { name: 'version 1.0', bytes: head('GET / HTTP/1.0', 'Host: a'), verdict: 426 },
  { name: 'raw UTF-8 in the target', bytes: get('/\xc3\xa9'), verdict: 400 },
  { name: 'a relative target', bytes: get('admin'), verdict: 400 },
  { name: 'CONNECT', bytes: head('CONNECT a:80 HTTP/1.1', 'Host: a:80'), verdict: 404 },
  // Host: RFC 9112 §3.2.
  { name: 'no host', bytes: head('GET / HTTP/1.1'), verdict: 400 },
  { name: 'two hosts', bytes: get('/', 'Host: b'), verdict: 400, envoy: 200 },
  { name: 'host with a path', bytes: head('GET / HTTP/1.1', 'Host: a/b'), verdict: 400 },
  { name: 'host with userinfo', bytes: head('GET / HTTP/1.1', 'Host: u@a'), verdict: 400, envoy: 200 },
  { name: 'absolute form wins over host', bytes: get('http://b/x'), verdict: 200, seen: 'GET /x b ' },
  { name: 'absolute form with mixed-case scheme', bytes: get('hTTp://b/x'), verdict: 200, seen: 'GET /x b ' },
  // Policies and hosts (mesh-semantics: host case, trailing dot, ports): /admin on host "secret" is denied.
  { name: 'the denied host', bytes: head('GET / HTTP/1.1', 'Host: secret'), verdict: 403 },
  { name: 'the denied host in capitals', bytes: head('GET / HTTP/1.1', 'Host: SECRET'), verdict: 403 },
  { name: 'the denied host with a trailing dot', bytes: head('GET / HTTP/1.1', 'Host: secret.'), verdict: 403 },
  // Paths: /admin is denied, on every road to it.
  { name: 'the denied path', bytes: get('/admin'), verdict: 403 },
  { name: 'dot segments', bytes: get('/app/../admin'), verdict: 403 },
  { name: 'escaped dot segments', bytes: get('/app/%2e%2E/admin'), verdict: 403 },
  { name: 'backslashes', bytes: get('\\admin').replace('GET \\', 'GET /x\\..\\'), verdict: 403 },
  { name: 'escaped letters', bytes: get('/%61dmin'), verdict: 403 },
  { name: 'escaped slash', bytes: get('/x%2F..%2Fadmin'), verdict: 403 },
  { name: 'doubled slash', bytes: get('//admin'), verdict: 403 },
  { name: 'a fragment', bytes: get('/admin#x'), verdict: 403, envoy: 400 },
  { name: 'a query', bytes: get('/admin?x'), verdict: 403 },
  { name: 'NUL in the path', bytes: get('/%00admin'), verdict: 400 },
  { name: 'a fragment is not forwarded', bytes: get('/app#x'), verdict: 200, envoy: 400, seen: 'GET /app a ' },
  { name: 'twice escaped stays escaped', bytes: get('/%2561dmin'), verdict: 200, seen: 'GET /%2561dmin a ' },
  // Repeated headers: x-role "intern" is denied wherever it stands.
  { name: 'the second of two values', bytes: get('/', 'X-Role: staff', 'X-Role: intern'), verdict: 403 },
  { name: 'the first of two values', bytes: get('/', 'X-Role: intern', 'X-Role: staff'), verdict: 403 },
  { name: 'trailing blanks in a value', bytes: get('/', 'X-Role: intern \t'), verdict: 403 },
  { name: 'Connection: x-role does not hide it', bytes: get('/', 'X-Role: intern', 'Connection: x-role'), verdict: 403, envoy: 200 },
  // Limits.
  { name: 'too many fields', bytes: get('/', ...Array.from({ length: 101 }, (_, i) => `X-${i}: a`)), verdict: 431 },
  { name: 'too long a value', bytes: get('/', `X: ${'a'.repeat(62_000)}`), verdict: 431 },
  { name: 'an unknown expectation', bytes: `${post('Expect: miracles', 'Content-Length: 1')}a`, verdict: 417 },
];

/** What the cases above mean by "denied". */
export const hostileRules = {
  action: 'DENY',
  policies: Object.fromEntries(
    [
      { header: { name: ':authority', string_match: { exact: 'secret', ignore_case: true } } },
      { url_path: { path: { exact: '/admin' } } },
      { header: { name: 'x-role', string_match: { exact: 'intern' } } },
    ].map((permission, index) => [`deny-${index}`, { permissions: [permission], principals: [{ any: true }] }]),
  ),
};

export const hostileManager = { strip_trailing_host_dot: true, path_with_escaped_slashes_action: 'UNESCAPE_AND_FORWARD' };
