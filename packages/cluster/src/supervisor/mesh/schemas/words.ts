/**
 * The words that Istio's kinds are described with (structural schemas, apiextensions.k8s.io/v1): every field says what it is for. Which
 * fields there are, and their types, is Istio's API; what a field may hold beyond its type is for the control plane to say.
 */

export type Schema = Readonly<Record<string, unknown>>;

const of = (type: string, description: string, rest: Schema = {}): Schema => ({ type, description, ...rest });

export const text = (description: string): Schema => of('string', description);
export const flag = (description: string): Schema => of('boolean', description);
/** Unset is something else than false. */
export const optionalFlag = (description: string): Schema => of('boolean', description, { nullable: true });
export const number = (description: string): Schema => of('number', description);
/** protobuf `int32`. */
export const whole = (description: string): Schema => of('integer', description, { format: 'int32' });
/** protobuf `uint32` and `uint64`, as far as JSON holds them. */
export const count = (description: string): Schema => of('integer', description, { minimum: 0 });
export const optionalCount = (description: string): Schema => of('integer', description, { minimum: 0, nullable: true });
export const port = (description: string): Schema => of('integer', description, { minimum: 0, maximum: 65_535 });
/** protobuf JSON: `1.5s`; Istio also takes `1m30s`. */
export const duration = (description: string): Schema => of('string', description);
export const choice = (description: string, ...values: string[]): Schema => of('string', description, { enum: values });
export const list = (description: string, items: Schema): Schema => of('array', description, { items });
export const texts = (description: string): Schema => list(description, { type: 'string' });
export const map = (description: string, values: Schema): Schema => of('object', description, { additionalProperties: values });
export const textMap = (description: string): Schema => map(description, { type: 'string' });
export const message = (description: string, fields: Readonly<Record<string, Schema>>, ...required: string[]): Schema =>
  of('object', description, { properties: fields, ...(required.length > 0 && { required }) });
/** Any object: what it holds is for somebody else to say. */
export const anything = (description: string): Schema => of('object', description, { 'x-kubernetes-preserve-unknown-fields': true });
/** The same kind of value for another purpose. */
export const as = (description: string, schema: Schema): Schema => ({ ...schema, description });
