/** A decoded struct while its defaults are filled in: known fields of known types, or absent. */
// biome-ignore lint/suspicious/noExplicitAny: decoded by schema; each hook knows the fields of its own definition
export type Struct = Record<string, any>;

/** Fills what is absent in one struct, in place. Runs before the structs inside it. */
export type Defaulter = (value: Struct) => void;

/** Sets each absent field. Go cannot tell `""` from absent outside pointers; the decoder dropped those already. */
export function fill(target: Struct, values: Struct): void {
  for (const [key, value] of Object.entries(values)) {
    if (target[key] === undefined || target[key] === null) target[key] = value;
  }
}

/** The struct under `key`, made when absent. */
export function part(holder: Struct, key: string): Struct {
  holder[key] ??= {};
  return holder[key];
}
