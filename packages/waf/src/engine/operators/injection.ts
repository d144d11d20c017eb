import { detectSqlInjection } from '../libinjection/sqli.ts';
import { detectXss } from '../libinjection/xss.ts';
import type { OperatorFactory } from './types.ts';

/** Captures the fingerprint. */
export const detectSQLi: OperatorFactory = () => (value) => {
  const print = detectSqlInjection(value);
  return print === undefined ? false : { captures: [print] };
};

export const detectXSS: OperatorFactory = () => (value) => detectXss(value) && { captures: [value] };
