/** Text into bytes. A short text of ASCII is written here: crossing into C++ costs more than 48 characters do. */
const shortest = 48;

/** UTF-8; `bytes` must have room for three bytes a character. @returns where it ends */
export function putText(bytes: Buffer, at: number, text: string): number {
  if (text.length > shortest) return at + bytes.write(text, at);
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c > 0x7f) return at + bytes.write(text, at);
    bytes[at + i] = c;
  }
  return at + text.length;
}

/** A byte a character. @returns where it ends */
export function putLatin1(bytes: Buffer, at: number, text: string): number {
  if (text.length > shortest) return at + bytes.write(text, at, 'latin1');
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
  return at + text.length;
}
