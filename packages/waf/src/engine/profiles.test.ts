import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Engine } from './engine.ts';
import { WafConfigError } from './errors.ts';
import type { Profile } from './seclang/ast.ts';
import { engineOf, firedIds, runRequest } from './testing.ts';

/** Where the engines differ: what each makes of the same rules. */
const stops = (rules: string, profile: Profile) => {
  let engine: Engine;
  try {
    engine = engineOf(rules, { profile });
  } catch (error) {
    if (error instanceof WafConfigError && error.code === 'bad-argument') return 'refused';
    throw error;
  }
  const { interruption } = runRequest(engine, { uri: '/?a=x' });
  return interruption ? `${interruption.kind} ${interruption.status}` : 'passes';
};

describe('actions', () => {
  const rows: readonly (readonly [rules: string, second: string, third: string])[] = [
    ['SecDefaultAction "phase:1,deny,status:429"\nSecAction "id:1,phase:1,log"', 'deny 429', 'passes'],
    ['SecDefaultAction "phase:1,deny,status:429"\nSecAction "id:1,phase:1,block"', 'deny 429', 'deny 429'],
    ['SecDefaultAction "phase:1,deny,status:429"\nSecAction "id:1,phase:1,redirect:\'http://x/\'"', 'redirect 302', 'redirect 302'],
    ['SecDefaultAction "phase:1,deny"\nSecAction "id:1,phase:1,status:307,redirect:\'http://x/\'"', 'redirect 307', 'redirect 307'],
    ['SecDefaultAction "phase:1,block,deny"\nSecAction "id:1,phase:1,block"', 'deny 403', 'deny 403'],
    ['SecAction "id:1,phase:1,drop"', 'drop 444', 'drop 403'],
    ['SecDefaultAction "phase:1,deny,status:429"\nSecAction "id:1,phase:1,drop"', 'drop 444', 'drop 429'],
    // the latest one is for all phases, or each for its own
    ['SecDefaultAction "phase:1,pass"\nSecDefaultAction "phase:2,deny,status:429"\nSecAction "id:1,phase:1,block"', 'deny 429', 'passes'],
    // a rule without a phase runs in the default's, or in 2, where the default is not its own
    ['SecDefaultAction "phase:1,deny,status:429"\nSecAction "id:1,block"\nSecAction "id:2,phase:2,deny"', 'deny 429', 'deny 403'],
    // what a chained rule says about what is the chain's, and what is done when all is over
    ['SecRule ARGS "@rx x" "id:1,phase:1,deny,chain"\nSecRule ARGS "@rx x" "msg:\'a\'"', 'refused', 'deny 403'],
    ['SecRule ARGS "@rx x" "id:1,phase:1,pass,chain"\nSecRule ARGS "@rx x" "deny"', 'refused', 'passes'],
    ['SecAction "id:1,phase:5,deny"', 'refused', 'passes'],
    ['SecDefaultAction "phase:2,deny"\nSecAction "id:1,phase:5,log"', 'refused', 'passes'],
    ['SecDefaultAction "phase:2,deny"\nSecAction "id:1,phase:5,log,pass"', 'passes', 'passes'],
    ['SecDefaultAction "phase:2,deny"\nSecRule ARGS "@rx x" "id:1,phase:5,pass,chain"\nSecRule ARGS "@rx x" "t:none"', 'passes', 'passes'],
  ];
  for (const [rules, second, third] of rows)
    test(rules, () => {
      assert.equal(stops(rules, 'modsecurity2'), second);
      assert.equal(stops(rules, 'modsecurity3'), third);
    });

  const refused: readonly (readonly [rules: string, text: RegExp])[] = [
    ['SecDefaultAction "phase:1,log"', /found no disruptive action/],
    ['SecDefaultAction "phase:1,log,block"', /found block/],
    ['SecDefaultAction "log,deny"', /found no phase/],
    ['SecDefaultAction "phase:1,deny,msg:\'a\'"', /must not hold msg/],
    ['SecDefaultAction "phase:1,deny,skip:2"', /must not hold chain, id, skip/],
  ];
  for (const [rules, text] of refused)
    test(`refuses ${rules}`, () =>
      assert.throws(
        () => engineOf(rules),
        (error: unknown) => error instanceof WafConfigError && error.code === 'bad-argument' && text.test(error.message),
      ));
  test('without a phase is about phase 1 in ModSecurity 3', () =>
    assert.equal(stops('SecDefaultAction "deny"\nSecAction "id:1,phase:1,block"', 'modsecurity3'), 'deny 403'));
});

test('REQUEST_URI is decoded in ModSecurity 3 alone', () => {
  const rules =
    'SecRule REQUEST_URI "@streq /a b?c=+%41" "id:1,phase:1,log,pass"\nSecRule REQUEST_URI "@streq /a b?c=+A" "id:3,phase:1,log,pass"';
  const fired = (uri: string, profile: Profile) => firedIds(runRequest(engineOf(rules, { profile }), { uri }));
  assert.deepEqual(fired('/a%20b?c=+%41', 'modsecurity3'), [3]);
  assert.deepEqual(fired('/a%20b?c=+%41', 'modsecurity2'), []);
  assert.deepEqual(fired('/a b?c=+%41', 'modsecurity2'), [1]);
});

test('a quote amid a word is part of it in ModSecurity 3', () => {
  const rules = 'SecRule ARGS "@streq x" "id:1,phase:1,log,pass,msg:"so \'far"';
  assert.throws(() => engineOf(rules), WafConfigError);
  assert.deepEqual(firedIds(runRequest(engineOf(rules, { profile: 'modsecurity3' }), { uri: '/?a=x' })), [1]);
});

test('SESSIONID and USERID are what was said last, by setsid and setuid', () => {
  const rules = `SecAction "id:1,phase:1,pass,nolog,setsid:a,setuid:u,initcol:session=b"
SecAction "id:2,phase:1,pass,nolog,setsid:%{ARGS.s}"
SecRule SESSIONID "@streq c" "id:3,phase:1,pass,log"
SecRule USERID "@streq u" "id:4,phase:1,pass,log"`;
  assert.deepEqual(firedIds(runRequest(engineOf(rules), { uri: '/?s=c' })), [3, 4]);
});

test('ENV shows the environment that was given, and nothing of the process', () => {
  const rules = 'SecRule ENV:PATH "@rx ." "id:1,phase:1,pass,log"\nSecRule ENV:SITE "@streq shop" "id:2,phase:1,pass,log"';
  assert.deepEqual(firedIds(runRequest(engineOf(rules))), []);
  assert.deepEqual(firedIds(runRequest(engineOf(rules, { environment: { SITE: 'shop' } }))), [2]);
});

test('which bodies phase 4 sees: the types that were said, else those the engine has from the start', () => {
  const sees = (directives: string, type: string, profile: Profile): boolean => {
    const engine = engineOf(`${directives}\nSecRule RESPONSE_BODY "@contains x" "id:1,phase:4,log,pass"`, { profile });
    return firedIds(runRequest(engine, { response: { type, body: 'x' } })).length > 0;
  };
  assert.ok(sees('', 'text/html; charset=utf-8', 'modsecurity2'));
  assert.ok(!sees('', 'text/xml', 'modsecurity2'));
  assert.ok(sees('', 'image/png', 'modsecurity3'));
  for (const profile of ['modsecurity2', 'modsecurity3'] as const) {
    assert.ok(sees('SecResponseBodyMimeType text/css\nSecResponseBodyMimeType TEXT/xml', 'text/xml', profile));
    assert.ok(!sees('SecResponseBodyMimeType text/css', 'text/html', profile));
  }
});

test('a body over SecRequestBodyNoFilesLimit is refused, or left to the rules', () => {
  const rules = 'SecRequestBodyNoFilesLimit 5\nSecRule REQBODY_ERROR "@eq 1" "id:1,phase:2,log,pass"';
  const send = (extra: string, profile: Profile, body = 'a=1234') => {
    const headers = [['Content-Type', 'application/x-www-form-urlencoded']] as const;
    const result = runRequest(engineOf(`${rules}\n${extra}`, { profile }), { method: 'POST', headers, body });
    return result.interruption?.status ?? firedIds(result).join();
  };
  assert.equal(send('', 'modsecurity2'), 413);
  assert.equal(send('', 'modsecurity2', 'a=123'), '');
  assert.equal(send('SecRequestBodyLimitAction ProcessPartial', 'modsecurity2'), '1');
  assert.equal(send('SecRuleEngine DetectionOnly', 'modsecurity2'), '1');
  assert.equal(send('', 'modsecurity3'), '1');
});

test('a response over its limit is refused, unless it is said or the engine begins otherwise', () => {
  const answer = (directives: string, profile: Profile) =>
    runRequest(engineOf(`SecResponseBodyLimit 3\n${directives}`, { profile }), { response: { type: 'text/plain', body: '1234' } })
      .interruption?.status;
  assert.equal(answer('', 'modsecurity2'), 500);
  assert.equal(answer('SecResponseBodyLimitAction ProcessPartial', 'modsecurity2'), undefined);
  assert.equal(answer('', 'modsecurity3'), undefined);
  assert.equal(answer('', 'coraza'), undefined);
});

test('flags are 0 or empty before there is a body, and say nothing of a request without one', () => {
  const rules = `SecRule MULTIPART_STRICT_ERROR "@eq 0" "id:1,phase:1,log,pass"
SecRule MULTIPART_STRICT_ERROR "@streq 0" "id:2,phase:2,log,pass"
SecRule &MULTIPART_UNMATCHED_BOUNDARY "@eq 1" "id:3,phase:2,log,pass"
SecRule &REQUEST_BODY "@eq 1" "id:4,phase:2,log,pass"
SecRule REQBODY_ERROR_MSG "@rx ^$" "id:5,phase:2,log,pass"
SecRule MATCHED_VAR "!@rx x" "id:6,phase:2,log,pass"`;
  for (const isReference of [false, true]) {
    const fired = (profile: Profile) => firedIds(runRequest(engineOf(rules, { profile, isReference })));
    assert.deepEqual(fired('modsecurity2'), [1, 2, 3, 5, 6]);
    assert.deepEqual(fired('modsecurity3'), [1, 3, 4, 5, 6]);
    assert.deepEqual(fired('coraza'), [1, 3, 4, 5, 6]);
  }
  const { bodyError } = runRequest(engineOf('SecRule REQBODY_ERROR_MSG "@rx ." "id:1,phase:2,log,pass"'));
  assert.equal(bodyError, undefined);
});

test('filename*: refused, read beside filename, or the name itself', () => {
  const file = (disposition: string, profile: Profile) => {
    const engine = engineOf(
      'SecRule REQBODY_ERROR "@eq 1" "id:1,phase:2,log,pass"\nSecRule FILES "@rx ^(.*)$" "id:2,phase:2,log,pass,msg:\'%{MATCHED_VAR}\'"',
      { profile },
    );
    const { matched } = runRequest(engine, {
      method: 'POST',
      headers: [['Content-Type', 'multipart/form-data; boundary=b']],
      body: ['--b', `Content-Disposition: form-data; name="a"; ${disposition}`, '', 'x', '--b--', ''].join('\r\n'),
    });
    return matched.map(({ id, message }) => (id === 1 ? 'error' : message)).join(' ');
  };
  const both = 'filename="a.txt"; filename*=utf-8\'en\'b%2Ephp';
  assert.equal(file(both, 'modsecurity2'), 'error');
  assert.equal(file(both, 'modsecurity3'), 'a.txt');
  assert.equal(file(both, 'coraza'), 'b.php');
  for (const bad of [
    "filename*=utf-8''b",
    'filename="a"; filename*=\'\'b',
    'filename="a"; filename*=utf-8\'b',
    'filename="a"; filename*=utf-8\'\'b%4',
    'filename="a"; filename*=utf-8\'\'b c',
    "filename=\"a\"; filename*=utf-8''b; filename*=utf-8''c",
  ])
    assert.equal(file(bad, 'modsecurity3'), 'error', bad);
});
