import type { Environment } from '@marcbachmann/cel-js';
import { addQuantity, canonicalQuantity, compareQuantity, isQuantity, parseQuantity } from '@palisade/kubernetes';

class Quantity {
  readonly text: string;
  constructor(text: string) {
    if (!isQuantity(text)) throw new Error(`quantity parse error: ${JSON.stringify(text)} is no quantity`);
    this.text = canonicalQuantity(text);
  }
}

const negate = (text: string) => (text.startsWith('-') ? text.slice(1) : `-${text}`);
const operand = (value: Quantity | bigint): string => (typeof value === 'bigint' ? String(value) : value.text);

export function registerQuantityFunctions(env: Environment): void {
  const type = 'kubernetes.Quantity';
  env.registerType(type, { ctor: Quantity, fields: {} });
  env.registerOperator(`${type} == ${type}`, (a: Quantity, b: Quantity) => compareQuantity(a.text, b.text) === 0);
  env.registerFunction(`quantity(string): ${type}`, (text: string) => new Quantity(text));
  env.registerFunction('isQuantity(string): bool', (text: string) => isQuantity(text));
  env.registerFunction(`${type}.sign(): int`, ({ text }: Quantity) => BigInt(Math.sign(compareQuantity(text, '0'))));
  env.registerFunction(`${type}.isInteger(): bool`, ({ text }: Quantity) => Number.isSafeInteger(parseQuantity(text)));
  env.registerFunction(`${type}.asInteger(): int`, ({ text }: Quantity) => {
    const value = parseQuantity(text);
    if (!Number.isSafeInteger(value)) throw new Error('cannot convert value to integer');
    return BigInt(value);
  });
  env.registerFunction(`${type}.asApproximateFloat(): double`, ({ text }: Quantity) => parseQuantity(text));
  env.registerFunction(`${type}.compareTo(${type}): int`, (a: Quantity, b: Quantity) => BigInt(Math.sign(compareQuantity(a.text, b.text))));
  env.registerFunction(`${type}.isLessThan(${type}): bool`, (a: Quantity, b: Quantity) => compareQuantity(a.text, b.text) < 0);
  env.registerFunction(`${type}.isGreaterThan(${type}): bool`, (a: Quantity, b: Quantity) => compareQuantity(a.text, b.text) > 0);
  for (const other of [type, 'int']) {
    env.registerFunction(
      `${type}.add(${other}): ${type}`,
      (a: Quantity, b: Quantity | bigint) => new Quantity(addQuantity(a.text, operand(b))),
    );
    env.registerFunction(
      `${type}.sub(${other}): ${type}`,
      (a: Quantity, b: Quantity | bigint) => new Quantity(addQuantity(a.text, negate(operand(b)))),
    );
  }
}
