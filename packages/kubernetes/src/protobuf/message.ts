import type { Definition, FieldSchema, TypeSchema } from '../schema/definitions.ts';
import type { SchemaRegistry } from '../schema/registry.ts';
import { readFields, readText, WireError, WireReader, WireType } from './reader.ts';

/** Protobuf messages of the Kubernetes API into the JSON that the same Go struct would give. */

type Json = Record<string, unknown>;

/** Fields by wire number; where Go embeds a struct, the outer number leads to the fields inside. */
type WireFields = Map<number, FieldSchema | Map<number, FieldSchema>>;

const wireFields = new WeakMap<Definition, WireFields>();

function wireFieldsOf(definition: Definition): WireFields {
  let found = wireFields.get(definition);
  if (found) return found;
  found = new Map();
  for (const field of definition.fields.values()) {
    if (typeof field.proto === 'number') {
      if (field.proto > 0) found.set(field.proto, field);
      continue;
    }
    const [outer, inner] = field.proto;
    let inside = found.get(outer);
    if (!(inside instanceof Map)) {
      inside = new Map();
      found.set(outer, inside);
    }
    inside.set(inner, field);
  }
  wireFields.set(definition, found);
  return found;
}

/** Real objects nest about a dozen deep (CRD schemas more); recursion must end on hostile input. */
const maxDepth = 100;

export class MessageDecoder {
  readonly #registry: SchemaRegistry;

  constructor(registry: SchemaRegistry) {
    this.#registry = registry;
  }

  decode(bytes: Uint8Array, definition: Definition, depth = 0): Json {
    if (depth > maxDepth) throw new WireError(`messages nest deeper than ${maxDepth}`);
    const out: Json = {};
    this.#fields(bytes, wireFieldsOf(definition), out, depth);
    return out;
  }

  #fields(bytes: Uint8Array, fields: WireFields, out: Json, depth: number): void {
    readFields(bytes, ({ number, wire }, reader) => {
      const field = fields.get(number);
      if (!field) return false;
      if (field instanceof Map) {
        expectBytes(wire, number);
        this.#fields(reader.bytes(), field, out, depth);
        return true;
      }
      this.#field(field, wire, reader, out, depth);
      return true;
    });
  }

  #field(field: FieldSchema, wire: WireType, reader: WireReader, out: Json, depth: number): void {
    const { name, type } = field;
    if (type.kind === 'list') {
      out[name] ??= [];
      const list = out[name] as unknown[];
      if (field.wrappedItems) list.push(...this.#wrapped(reader.bytes(), type.item, depth));
      else this.#element(list, type.item, wire, reader, depth);
    } else if (type.kind === 'map') {
      out[name] ??= {};
      expectBytes(wire, 0);
      const [key, value] = this.#mapEntry(reader.bytes(), type.value, depth);
      Object.defineProperty(out[name], key, { value, writable: true, enumerable: true, configurable: true });
    } else {
      out[name] = this.#value(type, wire, reader, depth);
    }
  }

  /** Numbers may come packed: all in one length-delimited field. */
  #element(list: unknown[], item: TypeSchema, wire: WireType, reader: WireReader, depth: number): void {
    const isNumber = item.kind === 'int32' || item.kind === 'int64' || item.kind === 'bool';
    if (!isNumber || wire !== WireType.bytes) {
      list.push(this.#value(item, wire, reader, depth));
      return;
    }
    const packed = new WireReader(reader.bytes());
    while (!packed.done) list.push(this.#value(item, WireType.varint, packed, depth));
  }

  #wrapped(bytes: Uint8Array, item: TypeSchema, depth: number): unknown[] {
    const out: unknown[] = [];
    readFields(bytes, ({ number, wire }, reader) => {
      if (number !== 1) return false;
      out.push(this.#value(item, wire, reader, depth + 1));
      return true;
    });
    return out;
  }

  #mapEntry(bytes: Uint8Array, type: TypeSchema, depth: number): [key: string, value: unknown] {
    let key = '';
    let value: unknown = type.kind === 'string' || type.kind === 'bytes' ? '' : type.kind === 'ref' ? {} : undefined;
    readFields(bytes, ({ number, wire }, reader) => {
      if (number === 1) key = readText(reader.bytes());
      else if (number === 2)
        value = type.kind === 'list' ? this.#wrapped(reader.bytes(), type.item, depth) : this.#value(type, wire, reader, depth);
      else return false;
      return true;
    });
    return [key, value];
  }

  #value(type: TypeSchema, wire: WireType, reader: WireReader, depth: number): unknown {
    switch (type.kind) {
      case 'int32':
      case 'int64':
        expectWire(wire, WireType.varint, type.kind);
        return reader.signed();
      case 'bool':
        expectWire(wire, WireType.varint, type.kind);
        return reader.varint() !== 0n;
      case 'double':
        expectWire(wire, WireType.fixed64, type.kind);
        return reader.double();
      default:
        expectWire(wire, WireType.bytes, type.kind);
        return this.#delimited(type, reader.bytes(), depth);
    }
  }

  #delimited(type: TypeSchema, bytes: Uint8Array, depth: number): unknown {
    switch (type.kind) {
      case 'string':
        return readText(bytes);
      case 'bytes':
        return Buffer.from(bytes).toString('base64');
      case 'ref':
        return this.decode(bytes, this.#registry.definition(type.name), depth + 1);
      case 'quantity':
        return readText(onlyBytes(bytes)) || '0';
      case 'time':
      case 'microTime':
        return readTime(bytes, type.kind === 'microTime');
      case 'duration':
        return `${(readNumbers(bytes).get(1) ?? 0) / 1e9}s`;
      case 'intOrString':
        return readIntOrString(bytes);
      case 'object':
      case 'any':
        return readRaw(onlyBytes(bytes));
      default:
        throw new WireError(`${type.kind} is not expected here`);
    }
  }
}

function expectWire(found: WireType, wanted: WireType, what: string): void {
  if (found !== wanted) throw new WireError(`wire type ${found} for ${what}, expected ${wanted}`);
}

const expectBytes = (wire: WireType, number: number): void => expectWire(wire, WireType.bytes, `field ${number}`);

/** Field 1 of a message that wraps one length-delimited value. */
function onlyBytes(bytes: Uint8Array): Uint8Array {
  let out: Uint8Array = new Uint8Array();
  readFields(bytes, ({ number, wire }, reader) => {
    if (number !== 1 || wire !== WireType.bytes) return false;
    out = reader.bytes();
    return true;
  });
  return out;
}

function readNumbers(bytes: Uint8Array): Map<number, number> {
  const out = new Map<number, number>();
  readFields(bytes, ({ number, wire }, reader) => {
    if (wire !== WireType.varint) return false;
    out.set(number, reader.signed());
    return true;
  });
  return out;
}

/** Seconds and nanoseconds since 1970; both zero is Go's zero time, JSON null. */
function readTime(bytes: Uint8Array, micro: boolean): string | null {
  const parts = readNumbers(bytes);
  const [seconds, nanos] = [parts.get(1) ?? 0, parts.get(2) ?? 0];
  if (seconds === 0 && nanos === 0) return null;
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) throw new WireError(`time ${seconds} s is out of range`);
  const text = date.toISOString().slice(0, 19);
  return micro ? `${text}.${String(Math.floor(nanos / 1000)).padStart(6, '0')}Z` : `${text}Z`;
}

function readIntOrString(bytes: Uint8Array): number | string {
  let text = '';
  const numbers = readNumbers(bytes);
  readFields(bytes, ({ number, wire }, reader) => {
    if (number !== 3 || wire !== WireType.bytes) return false;
    text = readText(reader.bytes());
    return true;
  });
  return numbers.get(1) === 1 ? text : (numbers.get(2) ?? 0);
}

function readRaw(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return null;
  try {
    return JSON.parse(readText(bytes)) as unknown;
  } catch {
    throw new WireError('an embedded object is not JSON');
  }
}
