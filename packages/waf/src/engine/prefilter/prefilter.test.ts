import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { diskFiles, readDataFile } from '../../adapters/files.ts';
import { compile } from '../engine.ts';
import { parseSecLang } from '../seclang/parse.ts';
import { crs4Folder, crs4Missing, engineOf, runRequest } from '../testing.ts';

/** Rules of every kind the prefilter reads something out of, with chains that move what it sees. */
const rules = `
SecAction "id:1,phase:1,nolog,pass,setvar:tx.level=1"
SecRule TX:level "@lt 2" "id:2,phase:2,nolog,pass,skipAfter:LATE"
SecRule ARGS "@rx never" "id:3,phase:2,log,pass"
SecMarker LATE
SecRule ARGS "@rx (?i)union\\s+select" "id:10,phase:2,log,pass,t:urlDecodeUni,t:lowercase"
SecRule ARGS|ARGS_NAMES "@rx <script[^>]*>|javascript:" "id:11,phase:2,log,pass,t:htmlEntityDecode,t:jsDecode,t:removeWhitespace"
SecRule ARGS "@rx (?:/|\\x5c)\\.\\.(?:/|\\x5c)" "id:12,phase:2,log,pass,t:normalizePath,multiMatch"
SecRule ARGS "@pm passwd shadow id_rsa" "id:13,phase:2,log,pass,t:cmdLine"
SecRule ARGS "@rx ^[0-9]{3,}$" "id:14,phase:2,log,pass"
SecRule ARGS "@validateByteRange 32-126" "id:15,phase:2,log,pass"
SecRule ARGS "@rx \\bor\\b\\s*\\d+\\s*=" "id:16,phase:2,log,pass,t:replaceComments,t:compressWhitespace"
SecRule ARGS "@rx require" "id:17,phase:2,log,pass,t:base64Decode,multiMatch"
SecRule ARGS "@detectSQLi" "id:18,phase:2,log,pass,t:removeNulls"
SecRule ARGS "@detectXSS" "id:19,phase:2,log,pass,t:utf8toUnicode,t:urlDecodeUni"
SecRule ARGS "@contains Abc" "id:20,phase:2,log,pass"
SecRule ARGS "!@rx a" "id:21,phase:2,log,pass"
SecRule ARGS "@rx ^$" "id:22,phase:2,log,pass"
SecRule ARGS "@rx (a|)b?\\.$" "id:23,phase:2,log,pass,t:cssDecode"
SecRule REQUEST_URI "@rx x{2,}y|q[^a-z]" "id:24,phase:2,log,pass,t:uppercase,t:lowercase"
SecRule ARGS "@rx [^\\x00-\\x7f]" "id:25,phase:2,log,pass,capture"
SecRule REQUEST_HEADERS:User-Agent "!@rx ^[a-z ]*$" "id:30,phase:1,log,pass,t:lowercase"
SecRule REQUEST_HEADERS:User-Agent "@rx passwd|^$" "id:31,phase:1,log,pass,t:cmdLine,multiMatch"
SecRule REQUEST_HEADERS|!REQUEST_HEADERS:Host "@rx o" "id:32,phase:2,log,pass"
SecRule &ARGS "@gt 2" "id:33,phase:2,log,pass"
SecRule &ARGS:/^p[12]/ "@rx ^[02]" "id:34,phase:2,log,pass"
SecRule &REQUEST_HEADERS:Accept "!@eq 0" "id:35,phase:2,log,pass"
SecRule ARGS "!@pm passwd shadow" "id:36,phase:2,log,pass,t:removeWhitespace"
SecRule REQUEST_METHOD "@streq GET" "id:37,phase:2,log,pass,chain"
  SecRule ARGS "@contains passwd" "t:removeWhitespace"
SecRule ARGS "@rx b" "id:38,phase:2,log,pass,chain,setvar:tx.seen_score=+1"
  SecRule ARGS "@contains passwd" "setvar:tx.both_score=+1"
SecRule ARGS "@rx (a)" "id:39,phase:2,log,pass,capture,chain"
  SecRule REQUEST_COOKIES "@contains passwd"
SecRule ARGS "@rx 1" "id:40,phase:2,log,pass,chain"
  SecRule &REQUEST_COOKIES "!@eq 1" "chain"
  SecRule TX:seen_score "@gt 0"
SecRule REQUEST_METHOD "@streq POST" "id:41,phase:2,log,pass,chain"
  SecRule ARGS "!@rx b"
SecRule ARGS "@contains a" "id:50,phase:2,nolog,pass,skipAfter:NEAR"
SecRule TX:level "@eq 1" "id:51,phase:2,nolog,pass,skipAfter:FAR"
SecRule ARGS "@rx ." "id:52,phase:2,log,pass"
SecMarker NEAR
SecRule ARGS "@rx ." "id:53,phase:2,log,pass"
SecMarker FAR
SecRule ARGS "@contains a" "id:54,phase:2,nolog,pass,skipAfter:END"
SecRule ARGS "@contains b" "id:55,phase:2,nolog,pass,skipAfter:MIDDLE"
SecRule TX:level "@eq 1" "id:56,phase:2,nolog,pass,skipAfter:MIDDLE"
SecRule ARGS "@rx ." "id:57,phase:2,log,pass"
SecMarker MIDDLE
SecRule TX:level "@eq 1" "id:58,phase:2,nolog,pass,skipAfter:60"
SecRule ARGS "@rx ." "id:59,phase:2,log,pass"
SecRule ARGS "@rx ." "id:60,phase:2,log,pass"
SecMarker END
SecRule ARGS "@pm union_select_all_from_users b.b.b.b.b.b.b.b.b.b" "id:61,phase:2,log,pass"
`;

const piece = fc.constantFrom(
  ...[
    'union',
    '_select_all',
    '_from_users',
    'b.b.b.b.',
    ' select',
    'SELECT',
    '<script',
    '>',
    'java',
    'script:',
    '&lt;',
    '&#x6a;',
    '\\x6a',
    '\\u0061',
    '%u0061',
    '%3c',
    '+',
    ' ',
    '  ',
    '\t',
    '../',
    '..\\',
    '/./',
    '//',
    '/*',
    '*/',
    '--',
    '#',
  ],
  ...[
    "' or 1=1",
    'or 1 =',
    '"',
    '`',
    'passwd',
    'pas^swd',
    'p"a"sswd',
    'ID_RSA',
    '123',
    '0',
    'Abc',
    'abc',
    'a',
    'b.',
    '.',
    '',
    'xxy',
    'Q1',
    '\xe9',
    '\xc3\xa9',
    '\0',
    '\n',
    'cmVxdWlyZQ==',
    'cmVxdWlyZSgn',
    'YWJj',
    '=',
    ';',
    'on',
    'click=',
    '\\61 ',
  ],
);
const value = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(''));
const encode = (text: string) => text.replace(/[^A-Za-z0-9]/g, (c) => `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`);

const verdict = (engine: ReturnType<typeof engineOf>, values: readonly string[]) => {
  const uri = `/?${values.map((text, index) => `p${index}=${encode(text)}`).join('&')}`;
  const result = runRequest(engine, {
    uri,
    headers: [
      ['Host', 'localhost'],
      ['User-Agent', values[0] ?? ''],
      ['Cookie', `c=${(values[1] ?? '').replace(/;/g, '')}`],
    ],
  });
  return {
    fired: result.matched.map((rule) => [rule.id, rule.variables.map((match) => [match.name, match.value, match.logdata])]),
    stopped: result.interruption?.ruleId,
    scores: result.scores,
  };
};

test('the fast reading and the plain one fire the same rules on the same values', () => {
  const fast = engineOf(rules);
  const plain = engineOf(rules, { isReference: true });
  fc.assert(
    fc.property(fc.array(value, { maxLength: 4 }), (values) => assert.deepEqual(verdict(fast, values), verdict(plain, values))),
    { numRuns: 2000 },
  );
});

test('the same over the Core Rule Set', { skip: crs4Missing }, () => {
  for (const level of [1, 4]) {
    const text = `SecRuleEngine DetectionOnly\nSecAction "id:900000,phase:1,pass,nolog,setvar:tx.blocking_paranoia_level=${level},setvar:tx.crs_setup_version=4250"\nInclude ${crs4Folder}/*.conf`;
    const nodes = parseSecLang(text, '/rules', { files: diskFiles });
    const fast = compile(nodes, { readDataFile });
    const plain = compile(nodes, { readDataFile, isReference: true });
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 3 }), (values) =>
        assert.deepEqual(verdict(fast, values), verdict(plain, values)),
      ),
      { numRuns: level === 1 ? 250 : 150 },
    );
  }
});
