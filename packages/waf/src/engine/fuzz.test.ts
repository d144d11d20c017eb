/** Random and structured input to every parser: no crash, bounded output, the same answer wherever chunks are cut. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseCookies } from './body/cookies.ts';
import { parseJson } from './body/json.ts';
import { parseMultipart } from './body/multipart.ts';
import { parseUrlEncoded } from './body/urlencoded.ts';
import { parseXml } from './body/xml.ts';
import { WafConfigError } from './errors.ts';
import { detectSqlInjection } from './libinjection/sqli.ts';
import { detectXss } from './libinjection/xss.ts';
import { parseSecLang } from './seclang/parse.ts';
import { engineOf, runRequest } from './testing.ts';
import { findTransformation, transformationNames } from './transformations/index.ts';

const pieces = (...list: string[]) =>
  fc
    .array(fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...list) }, fc.string({ unit: 'binary-ascii', maxLength: 3 })), {
      maxLength: 25,
    })
    .map((parts) => parts.join(''));
const runs = { numRuns: 500 };

test('multipart', () => {
  const body = pieces(
    '--b',
    '--b--',
    '\r\n',
    '\n',
    'Content-Disposition: form-data; name="a"',
    '; filename="f"',
    'Content-Type: text/plain',
    '\r\n\r\n',
    ' ',
    '"',
    '\0',
  );
  fc.assert(
    fc.property(body, (text) => {
      const result = parseMultipart('multipart/form-data; boundary=b', text, { maxFiles: 5, maxArgs: 5, profile: 'modsecurity2' });
      assert.ok(result.args.length <= 5 && result.files.length <= 5);
      const kept = [...result.args.map((arg) => arg.value), ...result.files.map((file) => file.content)].join('').length;
      assert.ok(kept <= text.length);
    }),
    runs,
  );
});

test('JSON agrees with JSON.parse on what is a document', () => {
  const text = pieces('{', '}', '[', ']', '"a"', ':', ',', '1', '-1.5e3', 'true', 'null', '"\\u0041"', '"\\n"', ' ', '01', '"\\x"');
  fc.assert(
    fc.property(text, (source) => {
      let isDocument = true;
      try {
        JSON.parse(source);
      } catch {
        isDocument = false;
      }
      assert.equal(parseJson(source, 'modsecurity2', 512, 10_000).ok, isDocument);
    }),
    { numRuns: 2000 },
  );
});

test('XML, cookies and forms', () => {
  const text = pieces(
    '<a>',
    '</a>',
    '<b c="d"/>',
    '<!--',
    '-->',
    '<![CDATA[',
    ']]>',
    '<?x?>',
    '<!DOCTYPE a>',
    '&lt;',
    '&#x41;',
    '&',
    '%41',
    '%',
    '+',
    '=',
    ';',
    '&&',
    "'",
    'xmlns:p="u"',
    '<p:a>',
  );
  fc.assert(
    fc.property(text, (source) => {
      const xml = parseXml(source, { maxDepth: 8, maxNodes: 100 });
      if (!xml.ok) assert.ok(xml.reason.length > 0);
      assert.ok(parseCookies(source, ';', 10).length <= 10);
      assert.ok(parseUrlEncoded(source, '&', 10).args.length <= 10);
    }),
    runs,
  );
});

test('injection detection', () => {
  const text = pieces(
    "'",
    '"',
    '`',
    ' or ',
    '1=1',
    '--',
    '/*',
    '*/',
    '#',
    'union',
    'select',
    '(',
    ')',
    ',',
    ';',
    '<',
    '>',
    '=',
    'onclick',
    'href',
    'java',
    'script:',
    '<!--',
    '-->',
    '@',
    '$$',
    '\\',
    '{',
    '}',
    '0x1',
    '1e',
    '.',
  );
  fc.assert(
    fc.property(text, (source) => {
      const print = detectSqlInjection(source);
      assert.ok(print === undefined || (print.length >= 1 && print.length <= 5));
      assert.equal(typeof detectXss(source), 'boolean');
    }),
    { numRuns: 2000 },
  );
});

test('SecLang is read or refused with a place, never anything else', () => {
  const text = pieces(
    'SecRule ',
    'ARGS',
    '|',
    '!',
    '&',
    ':/x/',
    ' "@rx a" ',
    '"id:1"',
    '"',
    "'",
    '\\',
    '\n',
    'SecAction ',
    'SecMarker x',
    'chain',
    ',',
    't:none',
    '#',
    '<IfModule x>',
    '</IfModule>',
    'Include x',
  );
  fc.assert(
    fc.property(text, (source) => {
      try {
        parseSecLang(source, 'fuzz.conf');
      } catch (error) {
        assert.ok(error instanceof WafConfigError && error.position.line >= 1, String(error));
      }
    }),
    { numRuns: 1500 },
  );
});

test('URL decoding and every other transformation: bytes in, bytes out, the same again', () => {
  const text = pieces(
    '%41',
    '%',
    '%u00',
    '%u0041',
    '%uff21',
    '+',
    '&#x41;',
    '&#',
    '&lt',
    '\\x41',
    '\\u0041',
    '\\101',
    '/*',
    '*/',
    '../',
    '//',
    '\xc3\xa9',
    'QUJD',
  );
  fc.assert(
    fc.property(text, fc.constantFrom(...transformationNames), (source, name) => {
      const { run } = findTransformation(name)!;
      const once = run(source);
      // Hashes and escapes are longer; nothing grows by more than that.
      assert.ok(once.length <= 6 * source.length + 40, name);
      assert.match(once, /^[\x00-\xff]*$/);
      assert.equal(run(source), once);
    }),
    { numRuns: 3000 },
  );
});

test('where chunks are cut changes nothing', () => {
  const processors = ['JSON', 'XML'].map(
    (name, at) =>
      `SecRule REQUEST_HEADERS:Content-Type "@endsWith ${name.toLowerCase()}" "id:${at + 10},phase:1,nolog,pass,ctl:requestBodyProcessor=${name}"`,
  );
  const engine = engineOf(
    `${processors.join('\n')}
SecRule ARGS|FILES|REQUEST_BODY|XML:/*|XML://@* "@rx (x+)" "id:1,phase:2,log,pass,capture,logdata:'%{TX.1}'"
SecRule MULTIPART_STRICT_ERROR|REQBODY_ERROR "@eq 1" "id:2,phase:2,log,pass"`,
  );
  const shapes = {
    'multipart/form-data; boundary=b': pieces('--b', '--b--', '\r\n', 'Content-Disposition: form-data; name="a"', '\r\n\r\n', 'xx', 'x'),
    'application/x-www-form-urlencoded': pieces('xx', '&', '=', 'x', '%78', '%', '+'),
    'application/json': pieces('{', '}', '[', ']', '"x"', ':', ',', '1', '"\\u0078"', 'true'),
    'text/xml': pieces('<a>', '</a>', '<b c="x"/>', 'xx', '<![CDATA[', ']]>', '&#x78;', '<!--', '-->'),
  };
  for (const [contentType, body] of Object.entries(shapes))
    fc.assert(
      fc.property(body, fc.integer({ min: 1, max: 7 }), (text, chunk) => {
        const request = { method: 'POST', headers: [['Content-Type', contentType]] as const, body: text };
        assert.deepEqual(runRequest(engine, { ...request, chunk }).matched, runRequest(engine, request).matched);
      }),
      runs,
    );
});
