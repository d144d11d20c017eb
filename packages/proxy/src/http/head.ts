/** The head of an HTTP/1 message: bytes as they came, and a table of where its fields lie. */

/** Fields the proxy itself acts on. */
export const Field = {
  other: 0,
  host: 1,
  connection: 2,
  contentLength: 3,
  transferEncoding: 4,
  upgrade: 5,
  expect: 6,
  te: 7,
  keepAlive: 8,
  proxyConnection: 9,
  forwardedClientCert: 10,
  forwardedFor: 11,
  forwardedProto: 12,
  requestId: 13,
  upstreamServiceTime: 14,
  date: 15,
  server: 16,
  originalPath: 17,
  trailer: 18,
  http2Settings: 19,
  forwardedHost: 20,
  externalAddress: 21,
  expectedTimeout: 22,
} as const;
type Field = (typeof Field)[keyof typeof Field];

const names: Readonly<Record<string, Field>> = {
  host: Field.host,
  connection: Field.connection,
  'content-length': Field.contentLength,
  'transfer-encoding': Field.transferEncoding,
  upgrade: Field.upgrade,
  expect: Field.expect,
  te: Field.te,
  'keep-alive': Field.keepAlive,
  'proxy-connection': Field.proxyConnection,
  'x-forwarded-client-cert': Field.forwardedClientCert,
  'x-forwarded-for': Field.forwardedFor,
  'x-forwarded-proto': Field.forwardedProto,
  'x-forwarded-host': Field.forwardedHost,
  'x-request-id': Field.requestId,
  'x-envoy-upstream-service-time': Field.upstreamServiceTime,
  'x-envoy-original-path': Field.originalPath,
  'x-envoy-external-address': Field.externalAddress,
  'x-envoy-expected-rq-timeout-ms': Field.expectedTimeout,
  date: Field.date,
  server: Field.server,
  trailer: Field.trailer,
  'http2-settings': Field.http2Settings,
};

/** Length and first letter tell known names apart but for few; the rest is compared. */
const candidates: (readonly { readonly name: Uint8Array; readonly field: Field }[] | undefined)[] = [];
for (const [name, field] of Object.entries(names)) {
  const slot = name.length * 32 + (name.charCodeAt(0) & 31);
  candidates[slot] = [...(candidates[slot] ?? []), { name: Buffer.from(name), field }];
}
for (let slot = 0; slot < 64 * 32; slot++) candidates[slot] ??= undefined;

export function fieldAt(bytes: Uint8Array, start: number, end: number): Field {
  const length = end - start;
  const list = length < 64 ? candidates[length * 32 + (bytes[start]! & 31)] : undefined;
  if (list === undefined) return Field.other;
  for (const { name, field } of list) if (equalsLower(bytes, start, name)) return field;
  return Field.other;
}

function equalsLower(bytes: Uint8Array, start: number, lower: Uint8Array): boolean {
  for (let i = 0; i < lower.length; i++) {
    const c = bytes[start + i]!;
    if ((c >= 65 && c <= 90 ? c | 32 : c) !== lower[i]) return false;
  }
  return true;
}

/** Numbers in a row of the table. */
export const rowSize = 5;

export class Head {
  readonly bytes: Buffer;
  /** Rows of line start, name end, value start, value end, field; a line ends two bytes (CR LF) before the next one starts. */
  readonly table: Int32Array;
  readonly count: number;
  /** Where the blank line begins. */
  readonly end: number;
  /** Request: method, target. Response: status line's status and reason stand in `status`. */
  readonly method: string;
  readonly target: string;
  readonly status: number;
  /** 0 for HTTP/1.0, 1 for HTTP/1.1. */
  readonly minor: number;
  /** Bit n: field n is present. */
  readonly present: number;

  constructor(bytes: Buffer, table: Int32Array, end: number, first: FirstLine, present: number) {
    this.bytes = bytes;
    this.table = table;
    this.count = table.length / rowSize;
    this.end = end;
    this.method = first.method;
    this.target = first.target;
    this.status = first.status;
    this.minor = first.minor;
    this.present = present;
  }

  has(field: Field): boolean {
    return (this.present & (1 << field)) !== 0;
  }

  /** The first value of a known field. */
  first(field: Field): string | undefined {
    if (!this.has(field)) return undefined;
    const { table } = this;
    for (let row = 0; row < table.length; row += rowSize) {
      if (table[row + 4] === field) return this.#valueAt(row);
    }
    return undefined;
  }

  /** The value of a known field that stands there once. */
  only(field: Field): string | undefined {
    const { table } = this;
    let found = -1;
    if (!this.has(field)) return undefined;
    for (let row = 0; row < table.length; row += rowSize) {
      if (table[row + 4] !== field) continue;
      if (found >= 0) return undefined;
      found = row;
    }
    return this.#valueAt(found);
  }

  all(field: Field): string[] {
    const found: string[] = [];
    if (!this.has(field)) return found;
    const { table } = this;
    for (let row = 0; row < table.length; row += rowSize) {
      if (table[row + 4] === field) found.push(this.#valueAt(row));
    }
    return found;
  }

  /** Every value of any field. @param lower the name's bytes in lower case */
  values(lower: Uint8Array): string[] {
    const found: string[] = [];
    for (let row = this.#find(lower, 0); row >= 0; row = this.#find(lower, row + rowSize)) found.push(this.#valueAt(row));
    return found;
  }

  /** The values of any field with commas between them. */
  joined(lower: Uint8Array): string | undefined {
    const first = this.#find(lower, 0);
    if (first < 0) return undefined;
    let text = this.#valueAt(first);
    for (let row = this.#find(lower, first + rowSize); row >= 0; row = this.#find(lower, row + rowSize)) text += `,${this.#valueAt(row)}`;
    return text;
  }

  /** @returns the first row of that name from there on, -1 without one */
  #find(lower: Uint8Array, from: number): number {
    const { table, bytes } = this;
    for (let row = from; row < table.length; row += rowSize) {
      const start = table[row]!;
      if (table[row + 1]! - start === lower.length && equalsLower(bytes, start, lower)) return row;
    }
    return -1;
  }

  #valueAt(row: number): string {
    return this.bytes.toString('latin1', this.table[row + 2]!, this.table[row + 3]!);
  }
}

export interface FirstLine {
  readonly method: string;
  readonly target: string;
  readonly status: number;
  readonly minor: number;
}
