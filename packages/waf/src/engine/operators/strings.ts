import { hexPair } from '../transformations/hex.ts';
import { readUtf8 } from '../transformations/utf8.ts';
import type { OperatorFactory, OperatorResult } from './types.ts';

const found = (text: string): OperatorResult => ({ captures: [text] });

export const streq: OperatorFactory = (argument) => (value) => value === argument;

export const beginsWith: OperatorFactory = (argument) => (value) => value.startsWith(argument) && found(argument);

export const endsWith: OperatorFactory = (argument) => (value) => value.endsWith(argument) && found(argument);

export const contains: OperatorFactory = (argument) => (value) => value.includes(argument) && found(argument);

/** The value stands somewhere inside the argument. */
export const within: OperatorFactory = (argument) => (value) => argument.includes(value) && found(value);

const isWordByte = (c: string | undefined) => c !== undefined && /[A-Za-z0-9_]/.test(c);

export const containsWord: OperatorFactory = (argument) => (value) => {
  if (argument === '') return true;
  for (let at = value.indexOf(argument); at >= 0; at = value.indexOf(argument, at + 1)) {
    if (!isWordByte(value[at - 1]) && !isWordByte(value[at + argument.length])) return found(argument);
  }
  return false;
};

export const unconditionalMatch: OperatorFactory = () => () => true;

export const noMatch: OperatorFactory = () => () => false;

/** Matches when a byte is outside the ranges `1-255,10`. ModSecurity 3 reads what is no number as 0. */
export const validateByteRange: OperatorFactory = (argument, { profile }) => {
  const isAllowed = new Uint8Array(256);
  for (const item of argument.split(',')) {
    const text = item.trim();
    if (text === '') continue;
    const range = /^(\d{1,3})(?:-(\d{1,3}))?$/.exec(text);
    if (!range && profile !== 'modsecurity3') throw new Error(`found ${JSON.stringify(text)}, wanted a byte or a range such as 32-126`);
    const low = Number(range?.[1] ?? 0);
    const high = range?.[2] === undefined ? low : Number(range[2]);
    if (high > 255 || low > high) throw new Error(`range ${text} is not inside 0-255 or counts down`);
    isAllowed.fill(1, low, high + 1);
  }
  return (value) => {
    for (let at = 0; at < value.length; at++) if (!isAllowed[value.charCodeAt(at) & 0xff]) return found(value[at]!);
    return false;
  };
};

/** Matches when a `%` is not followed by two hexadecimal digits. */
export const validateUrlEncoding: OperatorFactory = () => (value) => {
  for (let at = value.indexOf('%'); at >= 0; at = value.indexOf('%', at + 3)) if (hexPair(value, at + 1) < 0) return true;
  return false;
};

/** Matches when the value is not well-formed UTF-8. */
export const validateUtf8Encoding: OperatorFactory = () => (value) => {
  for (let at = 0; at < value.length; ) {
    if (value.charCodeAt(at) < 0x80) {
      at++;
      continue;
    }
    const sequence = readUtf8(value, at);
    if (!sequence) return true;
    at += sequence.length;
  }
  return false;
};
