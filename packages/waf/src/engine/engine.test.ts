import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { WafConfigError } from './errors.ts';
import { engineOf, firedIds, runRequest } from './testing.ts';

const form = (body: string) => ({ method: 'POST', headers: [['Content-Type', 'application/x-www-form-urlencoded']] as const, body });

describe('rules', () => {
  const rows: readonly (readonly [what: string, rules: string, uri: string, wanted: readonly number[]])[] = [
    ['a match', 'SecRule ARGS "@rx ^b" "id:1,phase:1,log,pass"', '/?a=bc', [1]],
    ['a negated operator', 'SecRule ARGS "!@rx ^b" "id:1,phase:1,log,pass"', '/?a=bc&d=e', [1]],
    ['an excluded member', 'SecRule ARGS|!ARGS:a "@rx b" "id:1,phase:1,log,pass"', '/?a=b', []],
    ['an excluded pattern', 'SecRule ARGS|!ARGS:/^x_/ "@rx b" "id:1,phase:1,log,pass"', '/?X_1=b', []],
    ['a count', 'SecRule &ARGS "@eq 2" "id:1,phase:1,log,pass"', '/?a=b&a=c', [1]],
    ['a whole chain', 'SecRule ARGS:a "@streq 1" "id:1,phase:1,log,pass,chain"\nSecRule ARGS:b "@streq 2" ""', '/?a=1&b=2', [1]],
    ['half a chain', 'SecRule ARGS:a "@streq 1" "id:1,phase:1,log,pass,chain"\nSecRule ARGS:b "@streq 2" ""', '/?a=1&b=3', []],
    [
      'a transformed MATCHED_VAR in a chain',
      'SecRule ARGS "@rx ." "id:1,phase:1,log,pass,chain,t:lowercase"\nSecRule MATCHED_VAR "@streq abc" ""',
      '/?a=ABC',
      [1],
    ],
    [
      'captures',
      'SecRule ARGS "@rx ^(.)(.)" "id:1,phase:1,nolog,pass,capture"\nSecRule TX:2 "@streq y" "id:2,phase:1,log,pass"',
      '/?a=xyz',
      [2],
    ],
    [
      'skipAfter',
      'SecRule ARGS "@rx x" "id:1,phase:1,nolog,pass,skipAfter:END"\nSecAction "id:2,phase:1,log,pass"\nSecMarker END\nSecAction "id:3,phase:1,log,pass"',
      '/?a=x',
      [3],
    ],
    [
      'skip',
      'SecRule ARGS "@rx x" "id:1,phase:1,nolog,pass,skip:1"\nSecAction "id:2,phase:1,log,pass"\nSecAction "id:3,phase:1,log,pass"',
      '/?a=x',
      [3],
    ],
    ['multiMatch before decoding', 'SecRule ARGS "@streq %41" "id:1,phase:1,log,pass,multiMatch,t:urlDecode"', '/?a=%2541', [1]],
    [
      'setvar per value',
      'SecRule ARGS "@rx x" "id:1,phase:1,nolog,pass,setvar:tx.s=+5"\nSecRule TX:s "@eq 10" "id:2,phase:1,log,pass"',
      '/?a=x&b=x',
      [2],
    ],
    ['ctl:ruleRemoveById', 'SecAction "id:1,phase:1,nolog,pass,ctl:ruleRemoveById=2"\nSecAction "id:2,phase:1,log,pass"', '/', []],
    [
      'ctl:ruleRemoveTargetById',
      'SecAction "id:1,phase:1,nolog,pass,ctl:ruleRemoveTargetById=2;ARGS:a"\nSecRule ARGS "@rx x" "id:2,phase:1,log,pass"',
      '/?a=x',
      [],
    ],
    [
      'ctl:ruleRemoveById of a rule that sets a constant',
      'SecAction "id:1,phase:1,nolog,pass,ctl:ruleRemoveById=2"\nSecAction "id:2,phase:1,nolog,pass,setvar:tx.a=1"\nSecRule &TX:a "@eq 0" "id:3,phase:1,log,pass"',
      '/',
      [3],
    ],
    [
      'ctl:ruleRemoveTargetById of a constant',
      'SecAction "id:1,phase:1,nolog,pass,setvar:tx.a=1"\nSecRule ARGS:x "@streq 1" "id:2,phase:1,nolog,pass,ctl:ruleRemoveTargetById=3;TX:a"\nSecRule TX:a "@eq 1" "id:3,phase:1,nolog,pass,skipAfter:END"\nSecAction "id:4,phase:1,log,pass"\nSecMarker END',
      '/?x=1',
      [4],
    ],
    ['SecRuleRemoveByTag', 'SecAction "id:1,phase:1,log,pass,tag:\'a/b\'"\nSecRuleRemoveByTag a/', '/', []],
    ['SecRuleUpdateTargetById', 'SecRule ARGS "@rx x" "id:1,phase:1,log,pass"\nSecRuleUpdateTargetById 1 "!ARGS:a"', '/?a=x', []],
  ];
  for (const [what, rules, uri, wanted] of rows) {
    for (const isReference of [false, true]) {
      test(`${what}${isReference ? ' (reference)' : ''}`, () => {
        assert.deepEqual(firedIds(runRequest(engineOf(rules, { isReference }), { uri })), wanted);
      });
    }
  }
});

test('deny, drop, redirect, allow and detection only', () => {
  const kind = (rules: string) => runRequest(engineOf(rules)).interruption;
  assert.deepEqual(
    { ...kind('SecAction "id:1,phase:1,deny,status:406"'), reason: '' },
    { kind: 'deny', status: 406, url: undefined, ruleId: 1, phase: 1, reason: '' },
  );
  assert.equal(kind('SecAction "id:1,phase:2,drop"')?.kind, 'drop');
  assert.equal(kind('SecRule REQUEST_URI "@rx ." "id:1,phase:1,redirect:\'http://x/?u=%{REQUEST_URI}\'"')?.url, 'http://x/?u=/');
  assert.equal(kind('SecAction "id:1,phase:1,allow"\nSecAction "id:2,phase:2,deny"'), undefined);
  assert.equal(kind('SecDefaultAction "phase:1,deny,status:429"\nSecAction "id:1,phase:1,block"')?.status, 429);
  const detected = runRequest(engineOf('SecRuleEngine DetectionOnly\nSecAction "id:1,phase:1,deny"\nSecAction "id:2,phase:1,log,pass"'));
  assert.equal(detected.interruption, undefined);
  assert.equal(detected.detected?.ruleId, 1);
  assert.deepEqual(firedIds(detected), [1, 2]);
});

test('a used-up step budget is a verdict with a reason', () => {
  const engine = engineOf('SecRule ARGS "@rx (?=a)(?:a+)+$" "id:7,phase:1,pass,log"', { regexStepBudget: 5000 });
  const result = runRequest(engine, { uri: `/?q=${'a'.repeat(40)}b` });
  assert.equal(result.interruption?.kind, 'deny');
  assert.match(result.interruption?.reason ?? '', /rule 7.*step budget/);
  assert.deepEqual(result.limits, [{ ruleId: 7, variable: 'q' }]);
});

test('bodies: forms, JSON by profile, XML, multipart', () => {
  const fires = (
    rules: string,
    request: Parameters<typeof runRequest>[1],
    profile: 'modsecurity2' | 'modsecurity3' | 'coraza' = 'modsecurity2',
  ) => firedIds(runRequest(engineOf(rules, { profile }), request));
  assert.deepEqual(fires('SecRule ARGS_POST:a "@streq b c" "id:1,phase:2,log,pass"', form('a=b+c&d')), [1]);
  assert.deepEqual(fires('SecRule REQUEST_BODY "@streq a=b" "id:1,phase:2,log,pass"', form('a=b')), [1]);
  const json = { method: 'POST', body: '{"a":{"b":["x\\u0041"]}}' };
  const asJson = 'SecAction "id:9,phase:1,nolog,pass,ctl:requestBodyProcessor=JSON"\n';
  assert.deepEqual(fires(`${asJson}SecRule ARGS:a.b.b "@streq xA" "id:1,phase:2,log,pass"`, json), [1]);
  assert.deepEqual(fires(`${asJson}SecRule ARGS:json.a.b.array_0 "@streq xA" "id:1,phase:2,log,pass"`, json, 'modsecurity3'), [1]);
  assert.deepEqual(fires(`${asJson}SecRule ARGS:json.a.b "@streq 1" "id:1,phase:2,log,pass"`, json, 'coraza'), [1]);
  assert.deepEqual(fires(`${asJson}SecRule REQBODY_ERROR "@eq 1" "id:1,phase:2,log,pass"`, { method: 'POST', body: '[1,' }), [1]);
  const xml = { method: 'POST', body: '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a b="q">x&e;<c>y</c></a>' };
  const asXml = 'SecAction "id:9,phase:1,nolog,pass,ctl:requestBodyProcessor=XML"\n';
  assert.deepEqual(
    fires(`${asXml}SecRule XML:/* "@streq xy" "id:1,phase:2,log,pass"\nSecRule XML://@* "@streq q" "id:2,phase:2,log,pass"`, xml),
    [1, 2],
  );
});

describe('refused at load, with file and line', () => {
  const rows: readonly (readonly [rules: string, code: string, text: RegExp])[] = [
    ['SecRule ARGZ "@rx a" "id:1"', 'unknown-variable', /test\.conf:4: .*ARGZ/],
    ['SecRule ARGS "@rxx a" "id:1"', 'unknown-operator', /@rxx/],
    ['SecRule ARGS "@rx (" "id:1"', 'bad-pattern', /test\.conf:4/],
    ['SecRule ARGS "@rx a" "id:1,denyy"', 'unknown-action', /denyy/],
    ['SecRule ARGS "@rx a" "id:1,constructor"', 'unknown-action', /constructor/],
    ['SecRule ARGS "@rx a" "id:1,t:lower"', 'unknown-transformation', /lower/],
    ['SecRule ARGS "@rx a" "phase:1"', 'bad-argument', /no id/],
    ['SecAction "id:1"\nSecAction "id:1"', 'duplicate-id', /test\.conf:5: .*test\.conf:4/],
    ['SecRule REMOTE_ADDR "@ipMatch 10.0.0.0/33" "id:1"', 'bad-argument', /prefix 33, wanted 0 to 32/],
    ['SecRuleEngin On', 'unknown-directive', /SecRuleEngin/],
    ['SecRule ARGS "@rx a" "id:1,chain"', 'syntax', /chain/],
    ['SecRule ARGS "@rx a" "id:1,exec:/bin/x"', 'unsupported', /exec/],
    ['SecRule ARGS "@inspectFile x" "id:1"', 'unsupported', /inspectfile/],
    ['SecRule REMOTE_ADDR "@ipMatchFromFile https://x.test/list" "id:1"', 'unsupported', /test\.conf:4: .*not fetched over the network/],
    ['SecRule ARGS "@pmFromFile http://x.test/list" "id:1"', 'unsupported', /not fetched/],
    ['SecRemoteRules key https://x.test/rules', 'unsupported', /test\.conf:4: .*not fetched/],
    ['SecRule ARGS "@rx a', 'syntax', /[Uu]nclosed quote/],
    ['<Location />', 'unsupported', /Location/],
  ];
  for (const [rules, code, text] of rows) {
    test(rules, () => {
      assert.throws(
        () => engineOf(rules),
        (error) => error instanceof WafConfigError && error.code === code && text.test(error.message),
      );
    });
  }
});

test('an unsupported rule can be left out by name, and the notes say so', () => {
  const engine = engineOf('SecRule ARGS "@rx a" "id:5,exec:/bin/x"', { skipUnsupported: [5] });
  assert.match(engine.ruleSet.notes.join(), /exec/);
});

test('notes about a rule of a chain name the first one’s id', () => {
  const { notes } = engineOf('SecRule ARGS "@rx a" "id:5,phase:2,pass,chain"\nSecRule ARGS "@rbl a.b" "pause:1"').ruleSet;
  assert.deepEqual(
    notes.map((note) => note.replace(/^test\.conf:\d+: (rule \d+: \S+).*$/, '$1')),
    ['rule 5: @rbl', 'rule 5: pause'],
  );
});

test('a streamed response has its phase 4 at the end, when nothing can be stopped any more', () => {
  const engine = engineOf('SecRule RESPONSE_STATUS "@eq 200" "id:1,phase:4,deny,status:500"');
  const transaction = engine.transaction({ id: 'x', now: () => 0, connection: nobody });
  transaction.requestHeaders({ method: 'GET', uri: '/', protocol: 'HTTP/1.1', headers: [] });
  transaction.requestBody();
  transaction.responseHeaders({ status: 200, protocol: 'HTTP/1.1', headers: [['Content-Type', 'text/event-stream']] });
  assert.equal(transaction.wantsResponseBody, false);
  const result = transaction.finish();
  assert.deepEqual(firedIds(result), [1]);
  assert.deepEqual([result.interruption, result.detected?.status], [undefined, 500]);
});

test('a request that never got a response has no phase 4', () => {
  const result = runRequest(engineOf('SecAction "id:1,phase:4,pass"\nSecAction "id:2,phase:5,pass"'));
  assert.deepEqual(firedIds(result), [2]);
});

const nobody = { clientAddress: '192.0.2.1', clientPort: 1, serverAddress: '192.0.2.2', serverPort: 80 };

/** Refused with the place and the reason, or accepted and named in the load report: no directive is silently without effect. */
const directives: readonly [string, RegExp | 'noted'][] = [
  ['SecHashEngine On', /test\.conf:4: SecHashEngine: links are not signed; wanted Off/],
  ['SecConnEngine DetectionOnly', /connections are not counted/],
  ['SecStatusEngine On', 'noted'],
  ['SecGuardianLog |/bin/x', /no program is run/],
  ['SecAuditLog "|/bin/tee x"', /SecAuditLog ".*": no program is run; wanted a file/],
  ['SecAuditLogType HTTPS', /not posted/],
  ['SecAuditLogParts ABQZ', /wanted letters A to K and Z/],
  ['SecAuditLogFileMode 999', /permissions in octal/],
  ['SecAuditLogRelevantStatus "(5"', /SecAuditLogRelevantStatus/],
  ['SecCookieFormat 1', /Netscape/],
  ['SecUploadKeepFiles On', /without a place for them/],
  ['SecGeoLookupDb /nowhere.dat', /SecGeoLookupDb/],
  ['SecRule WEBSERVER_ERROR_LOG "x" "id:1"', /error log of a web server is not read/],
  ['SecRule ARGS "@inspectFile /bin/x" "id:1"', /no program or script is run/],
  ['SecAction "id:1,ctl:hashEngine=On"', /responses are not rewritten/],
  ['SecTmpDir /tmp', 'noted'],
  ['SecPcreMatchLimit 1000', 'noted'],
  ['SecCacheTransformations On', 'noted'],
];

describe('directives', () => {
  for (const [text, wanted] of directives) {
    test(text, () => {
      if (wanted === 'noted') assert.match(engineOf(text).ruleSet.notes.join(), /has no effect: /);
      else
        assert.throws(
          () => engineOf(text),
          (error) => error instanceof WafConfigError && wanted.test(error.message),
        );
    });
  }
});

describe('debug log', () => {
  const rules = 'SecRule ARGS:a "@streq x" "id:1,phase:1,pass,nolog,t:lowercase,setvar:tx.seen=1"';
  const linesOf = (text: string): string[] => {
    const lines: string[] = [];
    const transaction = engineOf(text).transaction({ id: 'id', now: () => 0, connection: nobody, debug: (line) => lines.push(line) });
    transaction.requestHeaders({ method: 'GET', uri: '/?a=X&b=%0a1', protocol: 'HTTP/1.1', headers: [] });
    transaction.finish();
    return lines;
  };

  test('says what a rule looked at, up to the level that is asked for, on one line each', () => {
    const lines = linesOf(`SecDebugLogLevel 9\n${rules}`);
    assert.ok(lines.includes('[id] [/?a=X&b=%0a1] [9] Target value: "x" (Variable: ARGS:a)'));
    assert.ok(lines.includes('[id] [/?a=X&b=%0a1] [8] Saving variable: TX:seen with value: 1'));
    assert.ok(lines.some((line) => line.includes('\\x0a1')) && lines.every((line) => !line.includes('\n')));
    assert.ok(linesOf(`SecDebugLogLevel 4\n${rules}`).every((line) => /\[[1-4]\] /.test(line)));
    assert.deepEqual(linesOf(rules), []);
  });

  test('a rule can ask for it', () => {
    const lines = linesOf(`SecAction "id:9,phase:1,pass,nolog,ctl:debugLogLevel=9"\n${rules}`);
    assert.ok(lines.some((line) => line.includes('(Rule: 1) Executing operator "StrEq"')));
  });
});

test('a file that is inspected: what the program prints decides', () => {
  const inspected: string[] = [];
  const engine = engineOf('SecRule ARGS:file "@inspectFile /bin/check" "id:1,phase:2,deny,status:403"', {
    inspectFile: (program, file) => {
      inspected.push(`${program} ${file}`);
      return file === '/good' ? '1 fine' : '0 virus';
    },
  });
  assert.equal(runRequest(engine, { uri: '/?file=/good' }).interruption, undefined);
  assert.equal(runRequest(engine, { uri: '/?file=/bad' }).interruption?.status, 403);
  assert.deepEqual(inspected, ['/bin/check /good', '/bin/check /bad']);
});

test('a used-up budget: intercepted, or left to rules over MSC_PCRE_LIMITS_EXCEEDED', () => {
  const rule =
    'SecRule ARGS "@rx ^(?=(a+)+$)b" "id:1,phase:2,pass"\nSecRule TX:MSC_PCRE_LIMITS_EXCEEDED "@eq 1" "id:2,phase:2,deny,status:406"';
  const status = (text: string) =>
    runRequest(engineOf(text, { regexStepBudget: 100 }), { uri: `/?q=${'a'.repeat(40)}!` }).interruption?.status;
  assert.equal(status(rule), 403);
  assert.equal(status(`SecInterceptOnError Off\n${rule}`), 406);
});
