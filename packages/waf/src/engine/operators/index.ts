import { geoLookup, ipMatch, ipMatchFromFile, rbl } from './addresses.ts';
import { verifyCC, verifyCPF, verifySSN, verifySVNR } from './checksums.ts';
import { detectSQLi, detectXSS } from './injection.ts';
import { inspectFile } from './inspect-file.ts';
import { eq, ge, gt, le, lt } from './numbers.ts';
import { pm, pmFromFile, rx, rxGlobal, strmatch } from './patterns.ts';
import {
  beginsWith,
  contains,
  containsWord,
  endsWith,
  noMatch,
  streq,
  unconditionalMatch,
  validateByteRange,
  validateUrlEncoding,
  validateUtf8Encoding,
  within,
} from './strings.ts';
import { rsub } from './substitute.ts';
import type { OperatorFactory } from './types.ts';

const factories: ReadonlyMap<string, OperatorFactory> = new Map(
  Object.entries({
    beginsWith,
    contains,
    containsWord,
    detectSQLi,
    detectXSS,
    endsWith,
    eq,
    ge,
    geoLookup,
    gt,
    inspectFile,
    ipMatch,
    ipMatchF: ipMatchFromFile,
    ipMatchFromFile,
    le,
    lt,
    noMatch,
    pm,
    pmf: pmFromFile,
    pmFromFile,
    rbl,
    rsub,
    rx,
    rxGlobal,
    streq,
    strmatch,
    unconditionalMatch,
    validateByteRange,
    validateUrlEncoding,
    validateUtf8Encoding,
    verifyCC,
    verifyCPF,
    verifySSN,
    verifySVNR,
    within,
  }).map(([name, factory]) => [name.toLowerCase(), factory]),
);

/** Why a documented operator is not to be had here. */
const unsupported: ReadonlyMap<string, string> = new Map([
  ['fuzzyhash', 'ssdeep hashes are not computed'],
  ['gsblookup', 'Google Safe Browsing databases are not read'],
  ['validatedtd', 'documents are not validated against DTDs'],
  ['validatehash', 'links are not signed'],
  ['validateschema', 'documents are not validated against schemas'],
]);

/** Factory of an operator by lower-case name, or the reason why there is none. */
export function findOperator(name: string): OperatorFactory | { readonly unsupported: string } {
  return factories.get(name) ?? { unsupported: unsupported.get(name) ?? 'no such operator' };
}
