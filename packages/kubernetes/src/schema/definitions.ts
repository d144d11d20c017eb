/** The compact schema table (schema/generated/schemas.ndjson), decoded one definition at a time. Codes: scripts/generate-schemas.mjs. */

/** What JSON and protobuf values a field takes. */
export type TypeSchema =
  | { readonly kind: ScalarKind }
  | { readonly kind: 'ref'; readonly name: string }
  | { readonly kind: 'list'; readonly item: TypeSchema }
  | { readonly kind: 'map'; readonly value: TypeSchema };

/** `object` is any JSON object (RawExtension, FieldsV1); `any` is any JSON value. */
export type ScalarKind =
  | 'string'
  | 'int32'
  | 'int64'
  | 'bool'
  | 'double'
  | 'bytes'
  | 'quantity'
  | 'time'
  | 'microTime'
  | 'duration'
  | 'intOrString'
  | 'object'
  | 'any';

export interface FieldSchema {
  readonly name: string;
  readonly type: TypeSchema;
  /** Protobuf field number; `[outer, inner]` where JSON inlines a struct that protobuf nests; 0 where protobuf has no such field. */
  readonly proto: number | readonly [number, number];
  readonly required: boolean;
  /** Go pointer: an explicit zero value is kept. */
  readonly pointer: boolean;
  /** A zero value is left out of the JSON (structs excepted). */
  readonly omitEmpty: boolean;
  readonly omitZero: boolean;
  /** Protobuf wraps the list in a message `{repeated items = 1}`. */
  readonly wrappedItems: boolean;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly mergeKey?: string;
  readonly patchStrategy?: string;
  readonly listType?: 'atomic' | 'map' | 'set';
  readonly listMapKeys?: readonly string[];
  readonly mapType?: string;
  /** Enum of the elements of a list or map. */
  readonly elementEnum?: readonly string[];
  /** Definition a free-form field (`object`, `any`), or each element of a list or map of such, is named after in OpenAPI. */
  readonly namedAs?: string;
  /** Go type as the server's decoding errors print it, where it cannot be derived. */
  readonly goType?: string;
}

export interface Definition {
  /** Full OpenAPI name, such as io.k8s.api.core.v1.Pod. */
  readonly name: string;
  readonly kinds: readonly (readonly [group: string, version: string, kind: string])[];
  readonly mapType?: string;
  /** The schema of a definition that is no struct (Quantity, Time). */
  readonly primitive?: Readonly<Record<string, unknown>>;
  readonly fields: ReadonlyMap<string, FieldSchema>;
}

interface Extras {
  d?: unknown;
  e?: string[];
  k?: string;
  s?: string;
  l?: 'atomic' | 'map' | 'set';
  lk?: string[];
  m?: string;
  g?: string;
  ie?: string[];
  r?: string;
}

interface Line {
  n: string;
  k?: [string, string, string][];
  m?: string;
  p?: Record<string, unknown>;
  f?: Record<string, [type: string, proto: number | [number, number], flags: number, extras?: Extras]>;
}

const scalars: Readonly<Record<string, TypeSchema>> = {
  s: { kind: 'string' },
  i32: { kind: 'int32' },
  i64: { kind: 'int64' },
  b: { kind: 'bool' },
  d: { kind: 'double' },
  y: { kind: 'bytes' },
  q: { kind: 'quantity' },
  t: { kind: 'time' },
  u: { kind: 'microTime' },
  D: { kind: 'duration' },
  o: { kind: 'intOrString' },
  x: { kind: 'object' },
  j: { kind: 'any' },
};

function parseType(code: string): TypeSchema {
  if (code.startsWith('[]')) return { kind: 'list', item: parseType(code.slice(2)) };
  if (code.startsWith('{}')) return { kind: 'map', value: parseType(code.slice(2)) };
  if (code.startsWith('@')) return { kind: 'ref', name: code.slice(1) };
  const scalar = scalars[code];
  if (!scalar) throw new Error(`Cannot read schema table: type code "${code}" is unknown; generate the table again`);
  return scalar;
}

/** One line of the table. */
export function parseDefinition(text: string): Definition {
  const line = JSON.parse(text) as Line;
  const fields = new Map<string, FieldSchema>();
  for (const [name, [code, proto, flags, extras = {}]] of Object.entries(line.f ?? {})) {
    fields.set(name, {
      name,
      type: parseType(code),
      proto,
      required: (flags & 1) !== 0,
      pointer: (flags & 2) !== 0,
      omitEmpty: (flags & 4) !== 0,
      omitZero: (flags & 8) !== 0,
      wrappedItems: (flags & 16) !== 0,
      ...(extras.d === undefined ? {} : { default: extras.d }),
      ...(extras.e ? { enum: extras.e } : {}),
      ...(extras.k ? { mergeKey: extras.k } : {}),
      ...(extras.s ? { patchStrategy: extras.s } : {}),
      ...(extras.l ? { listType: extras.l } : {}),
      ...(extras.lk ? { listMapKeys: extras.lk } : {}),
      ...(extras.m ? { mapType: extras.m } : {}),
      ...(extras.ie ? { elementEnum: extras.ie } : {}),
      ...(extras.r ? { namedAs: extras.r } : {}),
      ...(extras.g ? { goType: extras.g } : {}),
    });
  }
  return { name: line.n, kinds: line.k ?? [], ...(line.m ? { mapType: line.m } : {}), ...(line.p ? { primitive: line.p } : {}), fields };
}

/** Name and kinds of a line without decoding the rest: start-up reads every line, requests only those they touch. */
export function peekDefinition(text: string): { name: string; kinds: readonly (readonly [string, string, string])[] } {
  const nameEnd = text.indexOf('"', 6);
  const name = text.slice(6, nameEnd);
  if (!text.startsWith(',"k":', nameEnd + 1)) return { name, kinds: [] };
  const start = nameEnd + 6;
  return { name, kinds: JSON.parse(text.slice(start, text.indexOf(']]', start) + 2)) as [string, string, string][] };
}
