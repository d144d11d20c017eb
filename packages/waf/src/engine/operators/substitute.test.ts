import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { WafConfigError } from '../errors.ts';
import { engineOf } from '../testing.ts';

const connection = { clientAddress: '192.0.2.1', clientPort: 1, serverAddress: '192.0.2.2', serverPort: 80 };

/** What `@rsub` makes of a response, and the rules that log. */
function answer(rules: string, body: string, head: { type?: string; coding?: string; status?: number; method?: string } = {}) {
  const transaction = engineOf(`SecStreamOutBodyInspection On\n${rules}`).transaction({ id: 'x', now: () => 0, connection });
  const { method = 'GET', type = 'text/html', coding = 'identity', status = 200 } = head;
  transaction.requestHeaders({ method, uri: '/?name=a.c&slash=a/b', protocol: 'HTTP/1.1', headers: [['Host', 'x']] });
  transaction.requestBody();
  const headers = [
    ['Content-Type', type],
    ['Content-Encoding', coding],
  ] as const;
  transaction.responseHeaders({ status, protocol: 'HTTP/1.1', headers });
  transaction.responseBodyChunk(Buffer.from(body, 'latin1'));
  transaction.responseBody();
  const edits = transaction.responseEdits;
  const parts = edits && [edits.before, edits.body, edits.after].map((part) => part?.toString('latin1'));
  return { parts, ids: transaction.finish().matched.map(({ id }) => id), transaction };
}

const rsub = (argument: string, actions = 'id:1,phase:4,log,pass') => `SecRule STREAM_OUTPUT_BODY "@rsub ${argument}" "${actions}"`;

describe('@rsub', () => {
  for (const [argument, body, wanted] of [
    ['s/a/b/', 'banana', 'bbnbnb'],
    ['s/A/b/', 'banana', 'banana'],
    ['s/A/b/i', 'banana', 'bbnbnb'],
    ['s/(a)(n)/\\2\\1/', 'banana', 'bnanaa'],
    ['s/(x)?a/[\\1]/', 'a', '[]'],
    ['s|<!--.*?-->||', 'x<!-- a --><!-- b -->y', 'xy'],
    ['s|b|c|', 'b\nb', 'c\nc'],
    ['s/a\\/b/c/', 'a/b', 'c'],
    ['s#secret#|2a 2A|#', 'a secret', 'a **'],
    ['s/x*/-/', 'abc', '-a-b-c-'],
    ['s/%{ARGS.name}/[%{ARGS.name}]/', 'abc a.c', '[a.c] [a.c]'],
    ['s/%{ARGS.name}/[%{ARGS.name}]/d', 'abc a.c', 'abc [a.c]'],
    ['s/%{ARGS.slash}/x/', 'a/b', 'x'],
    ['s/\\xe9/e/', 'caf\xe9', 'cafe'],
  ] as const)
    test(`${argument} on ${JSON.stringify(body)}`, () => {
      const { parts, ids } = answer(rsub(argument), body);
      assert.deepEqual([parts, ids], [['', wanted, ''], [1]]);
    });

  test('rules behind it see the new body, those before it the old one; the other engine option agrees', () => {
    const rules = ['id:1,phase:4,log,pass', 'id:3,phase:4,log,pass'].map((a) => `SecRule STREAM_OUTPUT_BODY "@contains new" "${a}"`);
    assert.deepEqual(answer(`${rules[0]}\n${rsub('s/old/new/', 'id:2,phase:4,log,pass')}\n${rules[1]}`, 'old').ids, [2, 3]);
  });

  test('a body over its limit, a packed one, none, a part: left as they are', () => {
    const rules = `SecResponseBodyLimit 5\n${rsub('s/a/b/')}`;
    assert.equal(answer(rules, 'aaaaaa').parts, undefined);
    assert.deepEqual(answer(rules, 'aaaaa').parts, ['', 'bbbbb', '']);
    const injecting = `SecContentInjection On\nSecAction "id:5,phase:3,nolog,pass,prepend:'x'"\n${rsub('s/a/b/')}`;
    for (const head of [{ coding: 'gzip' }, { status: 206 }, { status: 304 }, { method: 'HEAD' }])
      assert.equal(answer(injecting, 'aaa', head).parts, undefined, JSON.stringify(head));
    assert.deepEqual(answer(injecting, 'aaa', { type: 'image/png' }).parts, ['x', undefined, '']);
    assert.equal(answer(injecting.replace('Injection On', 'Injection Off'), 'aaa', { type: 'image/png' }).parts, undefined);
  });

  test('a pattern that uses up its budget blocks', () => {
    const { transaction } = answer(rsub('s/(a+)+\\1b/x/'), `${'a'.repeat(5000)}c`);
    assert.match(transaction.interruption?.reason ?? '', /step budget was used up/);
  });

  test('an action that repeats counts once: the latest text holds', () => {
    const rules = ['a', 'b'].map((text, at) => `SecAction "id:${at + 1},phase:${at + 3},nolog,pass,append:'${text}%{REQUEST_METHOD}'"`);
    assert.deepEqual(answer(`SecContentInjection On\n${rules.join('\n')}`, 'x').parts, ['', undefined, 'bGET']);
  });

  test('what cannot work is refused with its place; what has no effect is named', () => {
    for (const [rule, reason] of [
      [rsub('y/a/b/'), /wanted s\/pattern\/replacement\//],
      [rsub('s/a/b'), /found 1 delimiters after the first/],
      [rsub('s//b/'), /wanted s\/pattern\/replacement\//],
      [rsub('s/a/b/g'), /found flags "g", wanted none, i, d or both/],
      [rsub('s/(a/b/'), /unclosed/],
      [rsub('s/a/b/', 'id:1,phase:2,pass'), /found phase 2, wanted phase 4/],
      ['SecRule ARGS "@rsub s/a/b/" "id:1,phase:2,pass"', /found ARGS, wanted STREAM_INPUT_BODY or STREAM_OUTPUT_BODY alone/],
      ['SecRule STREAM_INPUT_BODY|ARGS "@rsub s/a/b/" "id:1,phase:2,pass"', /alone/],
      ['SecRule STREAM_INPUT_BODY "@rsub s/a/b/" "id:1,phase:4,pass"', /found phase 4, wanted phase 2/],
    ] as const)
      assert.throws(
        () => engineOf(rule),
        (error) => error instanceof WafConfigError && error.position.line === 4 && reason.test(error.message),
        rule,
      );
    const { notes } = engineOf(`${rsub('s/a/b/')}\nSecAction "id:2,phase:3,pass,append:'x',pause:10"`).ruleSet;
    assert.deepEqual(
      notes.map((note) => note.replace(/^test\.conf:\d+: /, '')),
      [
        'rule 1: @rsub has no effect: SecStreamOutBodyInspection is Off',
        'rule 2: append has no effect: SecContentInjection is Off',
        'rule 2: pause has no effect: requests are not held up',
      ],
    );
  });
});
