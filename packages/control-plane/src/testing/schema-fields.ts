/** The fields that an OpenAPI schema knows, each with a path at which an object can be given a value. */

export interface Schema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
}

export interface Field {
  readonly steps: readonly Step[];
  readonly schema: Schema;
}

/** A property by name, an item by number, an entry of a map by its key. */
type Step = string | number | { readonly key: string };

/** @param keyOf of the one entry that a map at this path is given */
export function* fieldsOf(schema: Schema, steps: readonly Step[], keyOf: (path: string) => string): Generator<Field> {
  yield { steps, schema };
  for (const [name, property] of Object.entries(schema.properties ?? {})) yield* fieldsOf(property, [...steps, name], keyOf);
  if (schema.items !== undefined) yield* fieldsOf(schema.items, [...steps, 0], keyOf);
  if (typeof schema.additionalProperties === 'object')
    yield* fieldsOf(schema.additionalProperties, [...steps, { key: keyOf(pathOf(steps)) }], keyOf);
}

/** As Kubernetes writes it: `spec.http[0].headers.request.set[x-a]`. */
export function pathOf(steps: readonly Step[]): string {
  const written = steps.map((step) => (typeof step === 'string' ? `.${step}` : `[${typeof step === 'number' ? step : step.key}]`));
  return written.join('').replace(/^\./, '');
}

/** A copy with this value there; what is missing on the way is made. */
export function withValue(given: unknown, [step, ...rest]: readonly Step[], value: unknown): unknown {
  if (step === undefined) return value;
  if (typeof step === 'number') {
    const list = Array.isArray(given) ? [...(given as unknown[])] : [];
    list[step] = withValue(list[step], rest, value);
    return list;
  }
  const name = typeof step === 'string' ? step : step.key;
  const fields = (given ?? {}) as Readonly<Record<string, unknown>>;
  return { ...fields, [name]: withValue(fields[name], rest, value) };
}
