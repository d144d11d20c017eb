import type { StatusCause } from '../status.ts';

/** Go's `%v` of a value in a field error: text quoted, structs as JSON. */
function formatValue(value: unknown): string {
  if (value === undefined || value === null) return 'null';
  return typeof value === 'string' || typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** Collects field errors worded as apimachinery `util/validation/field` words them. */
export class Findings {
  readonly causes: StatusCause[] = [];

  #add(reason: string, field: string, text: string, detail: string): void {
    this.causes.push({ reason, message: detail === '' ? text : `${text}: ${detail}`, field });
  }

  required(field: string, detail = ''): void {
    this.#add('FieldValueRequired', field, 'Required value', detail);
  }

  invalid(field: string, value: unknown, detail: string): void {
    this.#add('FieldValueInvalid', field, `Invalid value: ${formatValue(value)}`, detail);
  }

  /** One finding for each complaint of a syntax check. */
  invalidEach(field: string, value: unknown, complaints: readonly string[]): void {
    for (const complaint of complaints) this.invalid(field, value, complaint);
  }

  notSupported(field: string, value: unknown, supported: readonly string[]): void {
    const list = supported.map((s) => JSON.stringify(s)).join(', ');
    this.#add(
      'FieldValueNotSupported',
      field,
      `Unsupported value: ${formatValue(value)}`,
      supported.length > 0 ? `supported values: ${list}` : '',
    );
  }

  forbidden(field: string, detail: string): void {
    this.#add('FieldValueForbidden', field, 'Forbidden', detail);
  }

  duplicate(field: string, value: unknown): void {
    this.#add('FieldValueDuplicate', field, `Duplicate value: ${formatValue(value)}`, '');
  }

  notFound(field: string, value: unknown): void {
    this.#add('FieldValueNotFound', field, `Not found: ${formatValue(value)}`, '');
  }

  tooLong(field: string, maxBytes: number): void {
    this.#add('FieldValueTooLong', field, 'Too long', `may not be more than ${maxBytes} bytes`);
  }

  tooMany(field: string, count: number, max: number): void {
    this.#add('FieldValueTooMany', field, `Too many: ${count}`, `must have at most ${max} items`);
  }

  /** @param value undefined counts as absent and passes */
  nonNegative(field: string, value: number | undefined): void {
    if (value !== undefined && value < 0) this.invalid(field, value, 'must be greater than or equal to 0');
  }

  /** A member of a closed set; `undefined` and `''` are refused as missing. */
  oneOf(field: string, value: string | undefined, supported: readonly string[]): void {
    if (value === undefined || value === '') this.required(field);
    else if (!supported.includes(value)) this.notSupported(field, value, supported);
  }
}
