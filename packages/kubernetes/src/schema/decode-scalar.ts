import { canonicalQuantity, isQuantity, quantityFormatMessage } from '../quantity.ts';
import type { ScalarKind } from './definitions.ts';

/** `{}` means: not this type at all, the caller words the mismatch. `refusal`: right type, malformed text. */
export type ScalarResult = { readonly value: unknown } | { readonly refusal?: string };

const mismatch: ScalarResult = {};

function readInteger(raw: unknown, min: number, max: number): ScalarResult {
  return typeof raw === 'number' && Number.isInteger(raw) && raw >= min && raw <= max ? { value: raw } : mismatch;
}

/** RFC 3339; stored in UTC, with whole seconds (Time) or microseconds (MicroTime). */
function readTime(raw: unknown, micro: boolean): ScalarResult {
  if (typeof raw !== 'string') return mismatch;
  const match = /^(\d{4})-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d+))?(?:Z|[+-]\d\d:\d\d)$/.exec(raw);
  const date = match ? new Date(raw) : undefined;
  if (!match || !date || Number.isNaN(date.getTime())) {
    const layout = micro ? '2006-01-02T15:04:05.000000Z07:00' : '2006-01-02T15:04:05Z07:00';
    return { refusal: `parsing time ${JSON.stringify(raw)} as ${JSON.stringify(layout)}: cannot parse ${JSON.stringify(raw)} as "2006"` };
  }
  const seconds = date.toISOString().slice(0, 19);
  return { value: micro ? `${seconds}.${(match[2] ?? '').slice(0, 6).padEnd(6, '0')}Z` : `${seconds}Z` };
}

/** Standard base64 with padding; line breaks are allowed, as Go's decoder allows them. */
function readBytes(raw: unknown): ScalarResult {
  if (typeof raw !== 'string') return mismatch;
  const bad = /[^A-Za-z0-9+/=\r\n]|=(?![=\r\n]|$)/.exec(raw);
  if (bad) return { refusal: `illegal base64 data at input byte ${bad.index}` };
  const compact = raw.replace(/[\r\n]/g, '');
  // Go names the start of the group of four that is not whole.
  if (compact.length % 4 !== 0 || /={3,}$/.test(compact))
    return { refusal: `illegal base64 data at input byte ${compact.length - (compact.length % 4 || 4)}` };
  return { value: Buffer.from(compact, 'base64').toString('base64') };
}

function readQuantity(raw: unknown): ScalarResult {
  if (typeof raw !== 'string' && typeof raw !== 'number') return { refusal: quantityFormatMessage };
  const text = String(raw).trim();
  return isQuantity(text) ? { value: canonicalQuantity(text) } : { refusal: quantityFormatMessage };
}

/** One scalar as the server's Go decoder takes it; never throws. */
export function readScalar(kind: ScalarKind, raw: unknown): ScalarResult {
  switch (kind) {
    case 'string':
    case 'duration':
      return typeof raw === 'string' ? { value: raw } : mismatch;
    case 'bool':
      return typeof raw === 'boolean' ? { value: raw } : mismatch;
    case 'int32':
      return readInteger(raw, -(2 ** 31), 2 ** 31 - 1);
    case 'int64':
      return readInteger(raw, -(2 ** 63), 2 ** 63);
    case 'double':
      return typeof raw === 'number' ? { value: raw } : mismatch;
    case 'intOrString':
      return typeof raw === 'string' ? { value: raw } : readInteger(raw, -(2 ** 31), 2 ** 31 - 1);
    case 'quantity':
      return readQuantity(raw);
    case 'bytes':
      return readBytes(raw);
    case 'time':
      return readTime(raw, false);
    case 'microTime':
      return readTime(raw, true);
    case 'object':
    case 'any':
      return { value: raw };
    default:
      return kind satisfies never;
  }
}
