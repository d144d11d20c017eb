import { hexDigit } from './hex.ts';

/** The five names ModSecurity knows; `&nbsp;` is the byte A0. */
const names: Readonly<Record<string, string>> = { quot: '"', amp: '&', lt: '<', gt: '>', nbsp: '\xa0' };

/** `&#xHH;`, `&#DD;`, and five names; the semicolon may be missing. Numbers give their low byte. */
export function htmlEntityDecode(value: string): string {
  if (!value.includes('&')) return value;
  let out = '';
  let copied = 0;
  for (let at = value.indexOf('&'); at >= 0; at = value.indexOf('&', at)) {
    const entity = value[at + 1] === '#' ? numeric(value, at) : named(value, at);
    if (!entity) {
      at++;
      continue;
    }
    out += value.slice(copied, at) + entity.text;
    at = entity.end;
    if (value[at] === ';') at++;
    copied = at;
  }
  return copied === 0 ? value : out + value.slice(copied);
}

interface Entity {
  readonly text: string;
  readonly end: number;
}

function numeric(value: string, at: number): Entity | undefined {
  const isHex = value[at + 2] === 'x' || value[at + 2] === 'X';
  const start = at + (isHex ? 3 : 2);
  let end = start;
  // Kept modulo 2^32: any number of leading zeros or digits is read, none overflows.
  let number = 0;
  for (; end < value.length; end++) {
    const digit = hexDigit(value.charCodeAt(end));
    if (digit < 0 || (!isHex && digit > 9)) break;
    number = (number * (isHex ? 16 : 10) + digit) % 0x1_0000_0000;
  }
  return end === start ? undefined : { text: String.fromCharCode(number & 0xff), end };
}

function named(value: string, at: number): Entity | undefined {
  let end = at + 1;
  while (end < value.length && end - at <= 8 && /[A-Za-z0-9]/.test(value[end]!)) end++;
  const text = names[value.slice(at + 1, end).toLowerCase()];
  return text === undefined ? undefined : { text, end };
}
