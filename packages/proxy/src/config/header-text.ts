/** Texts of a configuration that become part of a head. */
import { ProxyError } from '../proxy-error.ts';

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Heads are written as Latin-1, in which U+010A would become a line's end. */
const unsendable = /[^\t\x20-\x7e\x80-\xff]/;

/** @returns the name */
export function headerName(name: string, where: string): string {
  if (!token.test(name)) throw new ProxyError('bad-config', `${where}: header "${name}" cannot be sent`);
  return name;
}

/** @param what the text is @returns the text */
export function headerText(text: string, what: string, where: string): string {
  if (unsendable.test(text)) throw new ProxyError('bad-config', `${where}: ${what} ${JSON.stringify(text)} cannot be sent`);
  return text;
}
