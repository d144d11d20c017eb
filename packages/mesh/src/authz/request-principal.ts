/** `requestPrincipals`: ISSUER/SUBJECT, split at the last slash because an issuer is usually a URL. */
import { present, type StringMatch, stringMatch } from './matchers.ts';

export interface RequestPrincipalPattern {
  /** Patterns with at most one `*`, at an end; alone it means present and not empty. */
  readonly issuer: string;
  readonly subject: string;
}

/** A `*` at the front belongs to the issuer, one at the end to the subject; without a slash the other half is free. */
export function parseRequestPrincipal(pattern: string): RequestPrincipalPattern {
  const slash = pattern.lastIndexOf('/');
  if (pattern === '*') return { issuer: '*', subject: '*' };
  if (slash >= 0) return { issuer: pattern.slice(0, slash), subject: pattern.slice(slash + 1) };
  if (pattern.startsWith('*')) return { issuer: '*', subject: pattern };
  return pattern.endsWith('*') ? { issuer: pattern, subject: '*' } : { issuer: pattern, subject: '' };
}

/** Which half a `*` opens: only the front of the issuer when the pattern begins with one, else only the end of the subject. */
export function requestPrincipalMatches(pattern: string): { issuer: StringMatch; subject: StringMatch } {
  const { issuer, subject } = parseRequestPrincipal(pattern);
  const exact = (value: string): StringMatch => ({ matchPattern: { case: 'exact', value } });
  const isOpenFront = pattern.startsWith('*');
  const isOpenEnd = !isOpenFront && pattern.endsWith('*');
  const hasSlash = pattern.includes('/');
  if (pattern === '*') return { issuer: present, subject: present };
  return {
    issuer: isOpenFront || (isOpenEnd && !hasSlash) ? stringMatch(issuer) : exact(issuer),
    subject: isOpenEnd || (isOpenFront && !hasSlash) ? stringMatch(subject) : exact(subject),
  };
}
