import type { Position } from '../errors.ts';
import { WafConfigError } from '../errors.ts';
import type { ActionNode } from './ast.ts';

const blanksAndCommas = /[\s,]*/y;
const hasBlank = /\s/;

const BACKSLASH = 0x5c;
const QUOTE = 0x27;

/** Split `a,b:'c,d',e:f` into actions. Values may be in single quotes, where `\'` and `\\` are escapes. */
export function parseActions(text: string, position: Position): ActionNode[] {
  const actions: ActionNode[] = [];
  let at = 0;
  const skipBlanks = () => {
    blanksAndCommas.lastIndex = at;
    blanksAndCommas.test(text);
    at = blanksAndCommas.lastIndex;
  };
  skipBlanks();
  while (at < text.length) {
    const start = at;
    while (at < text.length && text[at] !== ':' && text[at] !== ',') at++;
    const name = text.slice(start, at).trim();
    if (name === '' || hasBlank.test(name)) {
      throw new WafConfigError(
        'syntax',
        position,
        `Cannot parse actions at ${JSON.stringify(text.slice(start, start + 40))}: wanted an action name`,
      );
    }
    if (text[at] !== ':') {
      actions.push({ name: name.toLowerCase() });
    } else {
      at++;
      actions.push({ name: name.toLowerCase(), value: readValue() });
    }
    skipBlanks();
  }
  return actions;

  function readValue(): string {
    while (text[at] === ' ' || text[at] === '\t') at++;
    if (text[at] !== "'") {
      const start = at;
      // A value such as `setvar:tx.a='b,c'` opens its quote after the first character.
      let isQuoted = false;
      while (at < text.length && (isQuoted || text[at] !== ',')) {
        if (text[at] === '\\' && isQuoted) at++;
        else if (text[at] === "'") isQuoted = !isQuoted;
        at++;
      }
      return text.slice(start, at).trimEnd();
    }
    at++;
    let value = '';
    let copied = at;
    for (; at < text.length; at++) {
      const c = text.charCodeAt(at);
      if (c === BACKSLASH && (text[at + 1] === "'" || text[at + 1] === '\\')) {
        value += text.slice(copied, at);
        at++;
        copied = at;
      } else if (c === QUOTE) {
        value += text.slice(copied, at);
        at++;
        return value;
      }
    }
    throw new WafConfigError(
      'syntax',
      position,
      `Unclosed quote in action value ${JSON.stringify((value + text.slice(copied)).slice(0, 60))}: wanted '`,
    );
  }
}
