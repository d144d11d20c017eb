import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonSchema } from '../registry/custom/schema.ts';
import { compileRule } from './rule.ts';

const schema: JsonSchema = { type: 'object', properties: { b: { type: 'string' }, i: { type: 'integer' } } };

/** A rule, and the first line of what kube-apiserver 1.34.4 says of it. */
const REFUSED: readonly [rule: string, message: string][] = [
  ['foo == 1', "compilation failed: ERROR: <input>:1:1: undeclared reference to 'foo' (in container '')"],
  ['shake(self.b)', "compilation failed: ERROR: <input>:1:6: undeclared reference to 'shake' (in container '')"],
  ['(self.b == "a"', "compilation failed: ERROR: <input>:1:15: Syntax error: missing ')' at '<EOF>'"],
  ['self.b == "a" b', "compilation failed: ERROR: <input>:1:15: Syntax error: extraneous input 'b' expecting <EOF>"],
  ['self.', "compilation failed: ERROR: <input>:1:6: Syntax error: no viable alternative at input '.'"],
  ['self.b', 'cel expression must evaluate to a bool'],
];

test('expressions are refused in the words of cel-go', () => {
  for (const [rule, message] of REFUSED)
    assert.throws(
      () => compileRule({ rule }, schema),
      (error: Error) => error.message.split('\n')[0] === message,
      rule,
    );
  assert.throws(
    () => compileRule({ rule: 'self.i == 1', messageExpression: 'self.' }, schema),
    /^RuleError: messageExpression compilation failed: ERROR/,
  );
});
