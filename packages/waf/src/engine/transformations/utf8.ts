const changeable = /[\xc0-\xff]|\0[\s\S]/;

/** Well-formed UTF-8 sequences of two to four bytes become `%uHHHH`; a NUL goes unless it is the last byte; all others stay. */
export function utf8toUnicode(value: string): string {
  if (!changeable.test(value)) return value;
  let out = '';
  for (let at = 0; at < value.length; at++) {
    const sequence = readUtf8(value, at);
    if (sequence && sequence.length > 1) {
      out += `%u${sequence.point.toString(16).padStart(4, '0')}`;
      at += sequence.length - 1;
    } else if (value[at] !== '\0' || at === value.length - 1) {
      out += value[at]!;
    }
  }
  return out;
}

/** One UTF-8 character at `at`; undefined when ill-formed (overlong, surrogate, above 10FFFF, cut off; RFC 3629 §4). */
export function readUtf8(value: string, at: number): { point: number; length: number } | undefined {
  const first = value.charCodeAt(at);
  if (first < 0x80) return { point: first, length: 1 };
  const length = first >= 0xf5 ? 0 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (length === 0 || at + length > value.length) return undefined;
  let point = first & (0xff >> (length + 1));
  for (let i = 1; i < length; i++) {
    const next = value.charCodeAt(at + i);
    if ((next & 0xc0) !== 0x80) return undefined;
    point = (point << 6) | (next & 0x3f);
  }
  const isOverlong = (length === 3 && point < 0x800) || (length === 4 && point < 0x10000);
  if (isOverlong || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return undefined;
  return { point, length };
}
