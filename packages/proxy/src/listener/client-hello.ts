/** Reads server name and protocols from the first bytes of a connection (RFC 8446 §4.1.2, RFC 6066 §3, RFC 7301). Pure. */

export interface Sniffed {
  readonly transport: 'tls' | 'raw_buffer';
  readonly serverName: string;
  readonly protocols: readonly string[];
}

const raw: Sniffed = { transport: 'raw_buffer', serverName: '', protocols: [] };
/** Envoy's tls_inspector gives up at 64 KiB, OpenSSL at 16 KiB of ClientHello. */
const maxHelloBytes = 16_384 + 5;

/** @returns undefined: more bytes are needed. What is not a well-formed ClientHello is raw bytes, which a TLS chain never gets. */
export function sniffClientHello(bytes: Buffer): Sniffed | undefined {
  if (bytes.length === 0) return undefined;
  if (bytes[0] !== 22) return raw;
  if (bytes.length < 6) return undefined;
  if (bytes[1] !== 3 || bytes[5] !== 1) return raw;
  const hello = reassemble(bytes);
  if (hello === undefined) return bytes.length >= maxHelloBytes ? raw : undefined;
  try {
    return readHello(hello);
  } catch {
    return raw;
  }
}

/** A ClientHello may span several records. */
function reassemble(bytes: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  let have = 0;
  for (let at = 0; at + 5 <= bytes.length && bytes[at] === 22; ) {
    const length = bytes.readUInt16BE(at + 3);
    const part = bytes.subarray(at + 5, at + 5 + length);
    parts.push(part);
    have += part.length;
    if (have >= 4) {
      const all = Buffer.concat(parts);
      const wanted = 4 + all.readUIntBE(1, 3);
      if (have >= wanted) return all.subarray(4, wanted);
    }
    at += 5 + length;
  }
  return undefined;
}

function readHello(hello: Buffer): Sniffed {
  let at = 34;
  at += 1 + hello.readUInt8(at);
  at += 2 + hello.readUInt16BE(at);
  at += 1 + hello.readUInt8(at);
  let serverName = '';
  let protocols: string[] = [];
  if (at + 2 > hello.length) return { transport: 'tls', serverName, protocols };
  const end = at + 2 + hello.readUInt16BE(at);
  at += 2;
  while (at + 4 <= end) {
    const type = hello.readUInt16BE(at);
    const length = hello.readUInt16BE(at + 2);
    const body = hello.subarray(at + 4, at + 4 + length);
    if (type === 0 && body.length > 5 && body[2] === 0) serverName = body.toString('latin1', 5, 5 + body.readUInt16BE(3)).toLowerCase();
    if (type === 16) protocols = readProtocols(body);
    at += 4 + length;
  }
  return { transport: 'tls', serverName, protocols };
}

function readProtocols(body: Buffer): string[] {
  const found: string[] = [];
  for (let at = 2; at < body.length; at += 1 + body[at]!) found.push(body.toString('latin1', at + 1, at + 1 + body[at]!));
  return found;
}

/** Envoy's http_inspector: is this the beginning of an HTTP request in the clear? @returns undefined: more bytes are needed */
export function sniffHttp(bytes: Buffer): readonly string[] | undefined {
  const text = bytes.toString('latin1', 0, Math.min(bytes.length, 8192));
  if (text.startsWith('PRI * HTTP/2.0')) return ['h2c'];
  const line = text.indexOf('\r\n');
  if (line === -1)
    return /^[A-Za-z!#$%&'*+\-.^_`|~]*(?: [\x21-\x7e]*(?: [HTP/1.0]*\r?)?)?$/.test(text) && text.length < 8192 ? undefined : [];
  const version = /^[A-Za-z!#$%&'*+\-.^_`|~]+ [\x21-\x7e]+ HTTP\/1\.([01])$/.exec(text.slice(0, line));
  return version === null ? [] : [version[1] === '0' ? 'http/1.0' : 'http/1.1'];
}
