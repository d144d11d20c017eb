/** `requestPrincipals`: ISSUER/SUBJECT, split at the last slash because an issuer is usually a URL. */
import { type StringMatch, stringMatch } from './matchers.ts';

interface Half {
  readonly text: string;
  /** Its `*` means something; otherwise it is an ordinary character. */
  readonly isPattern: boolean;
}

/** A `*` at the front opens the issuer, one at the end the subject; without a slash the other half is free. */
export function parseRequestPrincipal(value: string): { readonly issuer: Half; readonly subject: Half } {
  const slash = value.lastIndexOf('/');
  const isOpenFront = value.startsWith('*');
  const isOpenEnd = !isOpenFront && value.endsWith('*');
  const half = (text: string, isPattern: boolean): Half => ({ text, isPattern });
  const any = half('*', true);
  if (value === '*') return { issuer: any, subject: any };
  if (slash >= 0) return { issuer: half(value.slice(0, slash), isOpenFront), subject: half(value.slice(slash + 1), isOpenEnd) };
  if (isOpenFront) return { issuer: any, subject: half(value, true) };
  return isOpenEnd ? { issuer: half(value, true), subject: any } : { issuer: half(value, false), subject: half('', false) };
}

export function halfMatch({ text, isPattern }: Half): StringMatch {
  return isPattern ? stringMatch(text) : { matchPattern: { case: 'exact', value: text } };
}
