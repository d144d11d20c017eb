/** One test for each class of bypass and crash that was published for other engines. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseJson } from './body/json.ts';
import { parseMultipart } from './body/multipart.ts';
import { parseXml } from './body/xml.ts';
import { findOperator } from './operators/index.ts';
import { engineOf, firedIds, runRequest } from './testing.ts';
import { findTransformation, transformationNames } from './transformations/index.ts';

const limits = { profile: 'modsecurity2', maxFiles: 10, maxArgs: 100 } as const;
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
    assert.equal(multipart(part('form-data;\r\n\tname="a"')).flags.INVALID_HEADER_FOLDING, 0);
    assert.equal(multipart(part('form-data;\r\n \v\tname="a"')).flags.INVALID_HEADER_FOLDING, 1);
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
  test('XML loads no external entity (CVE-2013-1915), and bounds depth', () => {
    const parsed = parseXml('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>');
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

describe('requests', () => {
  /** Rules over one variable that say what it holds. */
  const valuesOf = (variable: string, request: Parameters<typeof runRequest>[1], options: Parameters<typeof engineOf>[1] = {}) =>
    runRequest(engineOf(`SecRule ${variable} "@unconditionalMatch" "id:1,phase:2,log,pass"`, options), request).matched.flatMap(
      ({ variables }) => variables.map(({ value }) => value),
    );
  const profiles = ['modsecurity2', 'modsecurity3', 'coraza'] as const;

  test('an encoded question mark is path, whatever stands behind it (CVE-2024-1019)', () => {
    for (const profile of profiles) {
      const request = { uri: '/a%3Fb=attack/c?d=1' };
      assert.deepEqual(valuesOf('REQUEST_FILENAME', request, { profile }), ['/a?b=attack/c'], profile);
      assert.deepEqual(valuesOf('ARGS_GET', request, { profile }), ['1'], profile);
    }
  });
  test('two slashes begin a path, not a host (CVE-2025-29914)', () => {
    for (const profile of profiles)
      assert.deepEqual(valuesOf('REQUEST_FILENAME', { uri: '//host/path?a=b' }, { profile }), ['//host/path'], profile);
  });
  test('path behind a script is seen to its end (CVE-2021-35368)', () => {
    assert.deepEqual(valuesOf('REQUEST_FILENAME', { uri: '/admin.php/x/attack.css' }), ['/admin.php/x/attack.css']);
  });
  test('odd cookies are read without a crash, and to the last (CVE-2019-19886)', () => {
    for (const cookie of ['=', ';', '=;=', 'a', ';;;a=b', 'evil', ';=evil;', 'x=1;evil']) {
      const seen = valuesOf('REQUEST_COOKIES|REQUEST_COOKIES_NAMES', { headers: [['Cookie', cookie]] });
      assert.equal(
        seen.some((value) => value.includes('evil')),
        cookie.includes('evil'),
        cookie,
      );
    }
  });
  test('several Content-Type headers are each seen (CVE-2023-38199)', () => {
    const headers = [
      ['Content-Type', 'a/b'],
      ['content-type', 'c/d'],
    ] as const;
    assert.deepEqual(valuesOf('REQUEST_HEADERS:Content-Type', { headers }), ['a/b', 'c/d']);
    assert.deepEqual(valuesOf('&REQUEST_HEADERS:Content-Type', { headers }), ['2']);
  });
  test('all charsets of a Content-Type are seen (CVE-2022-39955), one in Accept too (CVE-2022-39957), and tiny ranges (CVE-2022-39958)', () => {
    for (const [name, value] of [
      ['Content-Type', 'text/plain; charset=utf-8; charset=utf-7'],
      ['Accept', 'text/html; charset=utf-7'],
      ['Range', 'bytes=0-0,1-1'],
    ] as const)
      assert.deepEqual(valuesOf(`REQUEST_HEADERS:${name}`, { headers: [[name, value]] }), [value]);
  });
  test('how a part says that it is encoded is seen (CVE-2022-39956)', () => {
    const lines = ['--b', 'Content-Disposition: form-data; name="a"', 'Content-Transfer-Encoding: base64', '', 'YXR0YWNr', '--b--', ''];
    const seen = valuesOf('MULTIPART_PART_HEADERS:a', { method: 'POST', headers: [['Content-Type', type]], body: lines.join('\r\n') });
    assert.ok(seen.includes('Content-Transfer-Encoding: base64'), seen.join());
  });
  test('what an application takes for a form is read as one (the regular expression of coraza#470)', () => {
    for (const contentType of [
      'application/x-www-form-urlencoded',
      'Application/X-WWW-Form-URLEncoded',
      'application/x-www-form-urlencoded; charset=utf-8',
      'application/x-www-form-urlencoded;charset=utf-8;boundary=x',
      'application/x-www-form-urlencoded ;a=b',
    ])
      assert.deepEqual(
        valuesOf('ARGS_POST', { method: 'POST', headers: [['Content-Type', contentType]], body: 'a=attack' }),
        ['attack'],
        contentType,
      );
  });
  test('media types that are none crash nothing, and what cannot be read is flagged (CVE-2023-40586)', () => {
    const body = part('form-data; name="a"').join('\r\n');
    for (const contentType of [
      '',
      ';',
      ';;;',
      '/',
      'a',
      'multipart/form-data',
      'multipart/form-data;',
      'multipart/form-data; boundary=',
      'multipart/form-data; =b',
      'multipart/form-data; boundary="',
      'multipart/form-data; boundary=b; ;',
    ])
      for (const chunk of [1, 1000]) {
        const request = { method: 'POST', headers: [['Content-Type', contentType]] as const, body, chunk };
        const isReadable = !contentType.startsWith('multipart') || contentType.endsWith('b; ;');
        assert.deepEqual(valuesOf('REQBODY_ERROR', request), [isReadable ? '0' : '1'], contentType);
      }
  });
  // coraza#1610: what its links do when a chain's target goes. As Apache's 2.9.7 and libmodsecurity 3.0.15 do it, asked with these rules.
  test('a target taken out of a chain: by directive out of every link (2.9) or its head (3), by ctl out of its head', () => {
    const rules = `SecRule REQUEST_METHOD "@streq GET" "id:2,phase:1,log,pass,tag:'T',msg:'M',chain"
SecRule ARGS "@contains attack" "t:none"`;
    const fired = (text: string, uri: string, profile: (typeof profiles)[number]) =>
      firedIds(runRequest(engineOf(text, { profile }), { uri })).length;
    for (const [profile, wanted] of [
      ['modsecurity2', [0, 1]],
      ['modsecurity3', [1, 1]],
    ] as const)
      for (const update of ['ById 2', 'ByTag T', 'ByMsg M'])
        assert.deepEqual(
          ['/?a=attack', '/?b=attack'].map((uri) => fired(`${rules}\nSecRuleUpdateTarget${update} "!ARGS:a"`, uri, profile)),
          wanted,
          `${profile} ${update}`,
        );
    assert.equal(fired(`${rules}\nSecRuleUpdateTargetById 2 "ARGS_NAMES"`, '/?attack=1', 'modsecurity2'), 1);
    assert.equal(fired(`${rules}\nSecRuleUpdateTargetById 2:1 "!ARGS:a"`, '/?a=attack', 'modsecurity3'), 0);
    const control = 'SecAction "id:1,phase:1,nolog,pass,ctl:ruleRemoveTargetById=2;';
    for (const profile of ['modsecurity2', 'modsecurity3'] as const) {
      assert.equal(fired(`${control}ARGS:a"\n${rules}`, '/?a=attack', profile), 1);
      assert.equal(fired(`${control}REQUEST_METHOD"\n${rules}`, '/?a=attack', profile), 0);
    }
  });
  test('multiMatch tells a value that no transformation changes once', () => {
    const rules = 'SecRule ARGS "@contains a" "id:1,phase:1,log,pass,multiMatch,t:lowercase,t:removeNulls,t:trim"';
    const count = (uri: string) => runRequest(engineOf(rules), { uri }).matched[0]?.variables.length;
    assert.deepEqual([count('/?q=a'), count('/?q=aB')], [1, 2]);
  });
});

describe('transformations', () => {
  const run = (name: string, value: string) => findTransformation(name)!.run(value);

  // A square of these lengths would take an hour: the runner's time limit tells.
  test('none takes the square of its value’s length (CVE-2023-38285)', { timeout: 120_000 }, () => {
    const units = ['%', '&', '&#', '\\', '\\x', '/*', '*/', '../', './/', ' ', '\0', '<!--', '%u', '=', "'", '0x', 'A', '\xc3', '\xff'];
    for (const name of transformationNames)
      for (const unit of units) assert.equal(typeof run(name, unit.repeat(300_000 / unit.length)), 'string', name);
  });
  for (const [name, value, wanted] of [
    ['base64Decode', 'YXR0\xffYWNr', 'att'],
    ['base64DecodeExt', 'YXR0\xff YWNr', 'attack'],
    ['base64DecodeExt', 'YXR0.YWNr', 'attack'],
    ['cssDecode', '\\61 ttack', 'attack'],
    ['cssDecode', 'caf\xc3\xa9', 'caf\xc3\xa9'],
    ['removeWhitespace', 'a\x0b\x0c\xa0b\x85', 'ab\x85'],
    ['compressWhitespace', 'a\x0b \xa0b', 'a b'],
    ['normalizePathWin', 'C:\\x\\..\\file.txt.::$DATA', 'C:/file.txt.::$DATA'],
  ] as const)
    test(`${name} of ${JSON.stringify(value)}: bytes that others lose or keep (recent fixes of Coraza)`, () =>
      assert.equal(run(name, value), wanted));
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
