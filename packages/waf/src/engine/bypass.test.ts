/** One test for each class of bypass and crash that was published for other engines. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseJson } from './body/json.ts';
import { parseMultipart } from './body/multipart.ts';
import { parseXml } from './body/xml.ts';
import { findOperator } from './operators/index.ts';
import { engineOf, firedIds, runRequest } from './testing.ts';
import { findTransformation } from './transformations/index.ts';

const limits = { maxFiles: 10, maxArgs: 100 };
const type = 'multipart/form-data; boundary=b';
const multipart = (lines: readonly string[], contentType = type) => parseMultipart(contentType, lines.join('\r\n'), limits);
const part = (disposition: string, body = 'x') => ['--b', `Content-Disposition: ${disposition}`, '', body, '--b--', ''];

describe('multipart', () => {
  const refused: readonly (readonly [what: string, lines: readonly string[], contentType?: string])[] = [
    ['a name given twice', part('form-data; name="a"; name="b"')],
    ['a file name given twice', part('form-data; name="a"; filename="x"; filename="y"')],
    ['an unclosed quote', part('form-data; name="a')],
    ['a parameter nobody knows', part('form-data; name="a"; filename*=utf-8\'\'x.php')],
    ['no Content-Disposition', ['--b', 'Content-Type: text/plain', '', 'x', '--b--', '']],
    [
      'a header given twice',
      ['--b', 'Content-Disposition: form-data; name="a"', 'content-disposition: form-data; name="b"', '', 'x', '--b--', ''],
    ],
    ['a NUL in the headers (CVE-2023-24021)', part('form-data; name="a\0b"')],
    ['a boundary after the final one', ['--b', 'Content-Disposition: form-data; name="a"', '', 'x', '--b--', '--b', '']],
    ['no final boundary', ['--b', 'Content-Disposition: form-data; name="a"', '', 'x']],
    ['two boundaries in the type', part('form-data; name="a"'), 'multipart/form-data; boundary=b; boundary=c'],
    ['white space in filename =', part('form-data; name="a"; filename ="x.php"')],
    ['a folded line before any header', ['--b', ' folded', 'Content-Disposition: form-data; name="a"', '', 'x', '--b--', '']],
  ];
  for (const [what, lines, contentType] of refused) test(`refused: ${what}`, () => assert.ok(multipart(lines, contentType).error));

  test('single quotes, folding and bare LF are flagged (CVE-2022-48279, CVE-2012-4528)', () => {
    assert.equal(multipart(part("form-data; name='a'")).flags.INVALID_QUOTING, 1);
    const folded = multipart(['--b', 'Content-Disposition: form-data;', ' name="a"; filename="x"', '', 'y', '--b--', '']);
    assert.equal(folded.flags.HEADER_FOLDING, 1);
    assert.equal(folded.files[0]?.filename, 'x');
    assert.equal(parseMultipart(type, part('form-data; name="a"').join('\n'), limits).flags.LF_LINE, 1);
  });

  test('every part header is kept, not the last alone (CVE-2026-21876)', () => {
    const lines = [
      '--b',
      'Content-Disposition: form-data; name="a"',
      'Content-Type: text/plain; charset=utf-7',
      '',
      '1',
      '--b',
      'Content-Disposition: form-data; name="c"',
      'Content-Type: text/plain; charset=utf-8',
      '',
      '2',
      '--b--',
      '',
    ];
    const types = multipart(lines).partHeaders.filter((header) => header.value.startsWith('Content-Type'));
    assert.deepEqual(
      types.map((header) => [header.key, header.value.slice(-5)]),
      [
        ['a', 'utf-7'],
        ['c', 'utf-8'],
      ],
    );
  });

  test('white space around an upload name stays to be seen (CVE-2026-33691)', () => {
    assert.equal(multipart(part('form-data; name="a"; filename="x.php "')).files[0]?.filename, 'x.php ');
  });
});

describe('documents', () => {
  test('JSON nests no deeper than the limit and does not overflow the stack (CVE-2021-42717)', () => {
    const deep = '['.repeat(200_000);
    const result = parseJson(deep, 'modsecurity2', 512, 1000);
    assert.equal(result.ok, false);
  });
  test('XML loads no entity, external or its own (CVE-2013-1915), and bounds depth', () => {
    const bomb = '<!DOCTYPE a [<!ENTITY x "xxxxxxxxxx"><!ENTITY y "&x;&x;&x;">]><a>&y;</a>';
    const parsed = parseXml(bomb);
    assert.ok(parsed.ok && parsed.root.children.join('') === '');
    assert.equal(parseXml('<a>'.repeat(10_000)).ok, false);
  });
  test('an empty XML tag is an error, not a crash (CVE-2025-52891)', () => assert.equal(parseXml('<></>').ok, false));
  test('XML attributes are inspected (GHSA-6jp8-c2w2-x7wr)', () => {
    const engine = engineOf(
      'SecAction "id:9,phase:1,nolog,pass,ctl:requestBodyProcessor=XML"\nSecRule XML://@* "@rx <script" "id:1,phase:2,log,pass"',
    );
    assert.deepEqual(firedIds(runRequest(engine, { method: 'POST', body: '<a b="&lt;script>"/>' })), [1]);
  });
});

describe('values', () => {
  const run = (name: string, value: string) => findTransformation(name)!.run(value);
  test('entities with many leading zeros (CVE-2025-27110)', () => {
    assert.equal(run('htmlEntityDecode', `&#${'0'.repeat(100)}60;script`), '<script');
    assert.equal(run('htmlEntityDecode', `&#x${'0'.repeat(100)}3c;`), '<');
  });
  test('a NUL inside a word hides it from nobody', () => {
    assert.deepEqual(
      ['REG\0EXP', 'a\0', '\0\0b'].map((text) => run('utf8toUnicode', text)),
      ['REGEXP', 'a\0', 'b'],
    );
  });
  test('hexDecode of one byte (CVE-2026-30923)', () => assert.equal(run('hexDecode', 'a'), ''));
  test('best-fit and full-width code points', () => {
    assert.equal(run('urlDecodeUni', '%uff1cscript%uff1e'), '<script>');
    assert.equal(findTransformation('urlDecodeUni')!.run('%u2329', new Map([[0x2329, 0x3c]])), '<');
  });
  test('checksums of short and odd numbers (CVE-2026-42268)', () => {
    const environment = { profile: 'modsecurity2', readDataFile: () => '', regexStepBudget: 1000 } as const;
    for (const name of ['verifyssn', 'verifycpf', 'verifysvnr', 'verifycc']) {
      const factory = findOperator(name);
      assert.ok(!('unsupported' in factory));
      const verify = factory('.*', environment);
      for (const value of ['', '1', '-', '\0', '9'.repeat(40), 'x'.repeat(1000)])
        assert.doesNotThrow(() => verify(value, { wantsCaptures: true, setGeo: () => {}, expand: String, rewrite: () => {} }));
    }
  });
  test('odd cookies and path info (CVE-2019-19886, CVE-2021-35368)', () => {
    const engine = engineOf(
      'SecRule REQUEST_COOKIES|REQUEST_COOKIES_NAMES "@rx evil" "id:1,phase:1,log,pass"\nSecRule REQUEST_FILENAME "@endsWith /x" "id:2,phase:1,log,pass"',
    );
    for (const cookie of ['=', ';', '=;=', 'a', ';;;a=b', 'evil']) {
      const fired = firedIds(runRequest(engine, { uri: '/admin.php/x', headers: [['Cookie', cookie]] }));
      assert.deepEqual(fired, cookie === 'evil' ? [1, 2] : [2]);
    }
  });
  test('several headers of one name are each seen (CVE-2023-38199, CVE-2022-39955)', () => {
    const engine = engineOf('SecRule &REQUEST_HEADERS:Content-Type "@gt 1" "id:1,phase:1,log,pass"');
    assert.deepEqual(
      firedIds(
        runRequest(engine, {
          headers: [
            ['Content-Type', 'a/b'],
            ['content-type', 'c/d'],
          ],
        }),
      ),
      [1],
    );
  });
  test('many sanitised arguments take one pass (CVE-2025-47947)', () => {
    const engine = engineOf('SecRule ARGS "@rx ." "id:1,phase:1,nolog,pass,sanitiseMatched"');
    const uri = `/?${Array.from({ length: 1000 }, (_, n) => `a${n}=x`).join('&')}`;
    assert.equal(runRequest(engine, { uri }).interruption, undefined);
  });
  test('a body that must be counted: limits act, whatever the chunks', () => {
    const rules = 'SecRequestBodyLimit 10\nSecRule ARGS "@rx attack" "id:1,phase:2,deny"';
    for (const chunk of [1, 3, 100]) {
      assert.equal(runRequest(engineOf(rules), { method: 'POST', body: 'x'.repeat(11), chunk }).interruption?.status, 413);
      assert.equal(runRequest(engineOf(rules), { method: 'POST', body: 'x'.repeat(10), chunk }).interruption, undefined);
    }
  });
});

describe('injection detection', () => {
  const context = { wantsCaptures: true, setGeo: () => {}, expand: String, rewrite: () => {} };
  const detectSqli = findOperator('detectsqli');
  assert.ok(!('unsupported' in detectSqli));
  const detect = detectSqli('', { profile: 'modsecurity2', regexStepBudget: 1, readDataFile: () => '' });
  for (const attack of [
    "1.e(ascii 1.e(substring(1.e(select password from users limit 1 1.e,1 1.e) 1.e,1 1.e,1 1.e)1.e)1.e) = 70 or'1'='2",
    "-1' union 1.e select 1",
    "1' .5E or 1=1",
  ])
    test(`numbers that MySQL passes over hide nothing: ${attack.slice(0, 30)}`, () => assert.notEqual(detect(attack, context), false));
  for (const text of ['version 1.e of the plan', '12e grade', 'model 3e, model 5e', '1.0e10 is large'])
    test(`and are no attack by themselves: ${text}`, () => assert.equal(detect(text, context), false));
});
