import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { methodNotSupportedHere } from '@palisade/kubernetes';

interface ParserFault extends Error {
  readonly code?: string;
  readonly rawPacket?: Buffer;
}

const CODES: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** A request line whose method is a word (RFC 9110 §5.6.2) that Node's parser does not know. */
const FOREIGN_METHOD = /^[A-Za-z!#$%&'*+.^_`|~-]{1,32} \/\S* HTTP\/1\.[01]\r\n/;

/** Answers what never became a request, and ends the connection. */
export function refuseUnreadable({ code = '', rawPacket }: ParserFault, socket: Duplex): void {
  if (!socket.writable) return void socket.destroy();
  const isMethod = code === 'HPE_INVALID_METHOD' && FOREIGN_METHOD.test(rawPacket?.toString('latin1', 0, 4096) ?? '');
  if (!isMethod) {
    const number = CODES[code] ?? 400;
    return void socket.end(`HTTP/1.1 ${number} ${STATUS_CODES[number]}\r\nConnection: close\r\n\r\n`);
  }
  const body = `${JSON.stringify(methodNotSupportedHere().status)}\n`;
  const head = `HTTP/1.1 405 ${STATUS_CODES[405]}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}`;
  socket.end(`${head}\r\nConnection: close\r\n\r\n${body}`);
}
