/**
 * Resource quantities (apimachinery `api/resource`): exact rational numbers with a decimal, binary or exponent suffix. Arithmetic is
 * on integers of nano-units (10^-9), the smallest the API keeps; finer values are rounded up.
 */

const decimalSuffixes: readonly (readonly [string, number])[] = [
  ['n', -9],
  ['u', -6],
  ['m', -3],
  ['', 0],
  ['k', 3],
  ['M', 6],
  ['G', 9],
  ['T', 12],
  ['P', 15],
  ['E', 18],
];
const decimalExponent = new Map(decimalSuffixes);
const binarySuffixes = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const nano = 1_000_000_000n;

type Format = 'decimal' | 'binary' | 'exponent';

interface Quantity {
  readonly nanos: bigint;
  readonly format: Format;
}

/** The server's words for a text that is no quantity. */
export const quantityFormatMessage = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

function scale(digits: string, fraction: string, exponent: number): bigint {
  const shift = exponent + 9 - fraction.length;
  const whole = BigInt(digits + fraction || '0');
  if (shift >= 0) return whole * 10n ** BigInt(shift);
  const divisor = 10n ** BigInt(-shift);
  return (whole + divisor - 1n) / divisor;
}

function readQuantity(text: string): Quantity | undefined {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?((?:[KMGTPE]i)|[numkMGTPE]|[eE][-+]?\d{1,3}|)$/.exec(text);
  if (!match) return undefined;
  const [, sign = '', digits = '', fraction = '', suffix = ''] = match;
  if (digits === '' && fraction === '') return undefined;
  const binary = binarySuffixes.indexOf(suffix);
  let nanos: bigint;
  let format: Format = 'decimal';
  if (suffix.endsWith('i')) {
    const scaled = BigInt(digits + fraction) * 1024n ** BigInt(binary) * nano;
    const divisor = 10n ** BigInt(fraction.length);
    nanos = (scaled + divisor - 1n) / divisor;
    format = 'binary';
  } else if (/^[eE]./.test(suffix)) {
    nanos = scale(digits, fraction, Number(suffix.slice(1)));
    format = 'exponent';
  } else {
    nanos = scale(digits, fraction, decimalExponent.get(suffix)!);
  }
  return { nanos: sign === '-' ? -nanos : nanos, format };
}

function readOrThrow(text: string): Quantity {
  const found = readQuantity(text);
  if (!found) throw new RangeError(`Cannot parse quantity "${text}": ${quantityFormatMessage}`);
  return found;
}

function formatDecimal(nanos: bigint, format: Format): string {
  if (nanos === 0n) return '0';
  let mantissa = nanos;
  let exponent = -9;
  while (mantissa % 1000n === 0n && exponent < 18) {
    mantissa /= 1000n;
    exponent += 3;
  }
  if (format === 'exponent') return exponent === 0 ? `${mantissa}` : `${mantissa}e${exponent}`;
  return `${mantissa}${decimalSuffixes.find(([, e]) => e === exponent)![0]}`;
}

function formatBinary(nanos: bigint): string {
  const magnitude = nanos < 0n ? -nanos : nanos;
  // Below 1024, and for fractions of a unit, the server changes to decimal suffixes.
  if (magnitude < 1024n * nano || nanos % nano !== 0n) return formatDecimal(nanos, 'decimal');
  let units = nanos / nano;
  let power = 0;
  while (units % 1024n === 0n && power < binarySuffixes.length - 1) {
    units /= 1024n;
    power++;
  }
  return `${units}${binarySuffixes[power]}`;
}

export function isQuantity(text: string): boolean {
  return readQuantity(text) !== undefined;
}

/**
 * Value in base units (cores, bytes). Beyond 2^53 the number is the nearest one.
 * @throws RangeError when the text is no quantity
 */
export function parseQuantity(text: string): number {
  const { nanos } = readOrThrow(text);
  return nanos % nano === 0n ? Number(nanos / nano) : Number(nanos) / Number(nano);
}

/** The form in which the server stores a quantity: `0.5` becomes `500m`, `1024Mi` becomes `1Gi`, `1000m` becomes `1`. */
export function canonicalQuantity(text: string): string {
  const { nanos, format: as } = readOrThrow(text);
  return format(nanos, as);
}

/** @param binary write Ki, Mi, Gi (memory) in place of k, M, G; a fraction below one nano-unit is rounded up */
export function formatQuantity(value: number, binary = false): string {
  if (!Number.isFinite(value)) throw new RangeError(`Cannot format quantity ${value}: expected a finite number`);
  const nanos = Number.isInteger(value) ? BigInt(value) * nano : BigInt(Math.ceil(value * Number(nano)));
  return binary ? formatBinary(nanos) : formatDecimal(nanos, 'decimal');
}

/** Negative, zero or positive as `a` is below, equal to or above `b`. */
export function compareQuantity(a: string, b: string): number {
  const difference = readOrThrow(a).nanos - readOrThrow(b).nanos;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** Exact sum; the result has the first operand's format, as in the server's quota and scheduling arithmetic. */
export function addQuantity(a: string, b: string): string {
  const [left, right] = [readOrThrow(a), readOrThrow(b)];
  return format(left.nanos + right.nanos, left.format);
}

/** Exact difference, in the first operand's format. */
export function subtractQuantity(a: string, b: string): string {
  const [left, right] = [readOrThrow(a), readOrThrow(b)];
  return format(left.nanos - right.nanos, left.format);
}

function format(nanos: bigint, as: Format): string {
  return as === 'binary' ? formatBinary(nanos) : formatDecimal(nanos, as);
}
