/** The number of a dotted IPv4 address; undefined for any other text. */
export function parseAddress(text: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  return match ? match.slice(1).reduce((sum, byte) => sum * 256 + Number(byte), 0) : undefined;
}
