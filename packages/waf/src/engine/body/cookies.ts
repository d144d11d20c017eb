import { Target } from '../variables/target.ts';

/** Netscape cookies: pairs between separators (`;` unless SecCookieV0Separator says otherwise), nothing decoded. A name without `=` has an empty value; quotes stay. */
export function parseCookies(header: string, separator: string, limit: number): Target[] {
  const cookies: Target[] = [];
  for (const part of header.trimEnd().split(separator)) {
    if (cookies.length >= limit) break;
    const text = part.trimStart();
    if (text === '') continue;
    const equals = text.indexOf('=');
    const name = equals < 0 ? text : text.slice(0, equals);
    cookies.push(new Target(name, equals < 0 ? '' : text.slice(equals + 1)));
  }
  return cookies;
}
