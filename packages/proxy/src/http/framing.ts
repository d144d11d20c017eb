/** Where a message's body ends (RFC 9112 §6). What two readers could read differently is refused. */
import { Field, type Head } from './head.ts';

export type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' }
  /** Responses only. */
  | { readonly kind: 'until-close' };

export type FramingResult =
  | { readonly ok: true; readonly framing: Framing }
  | { readonly ok: false; readonly status: 400 | 501; readonly reason: string };

const none: FramingResult = { ok: true, framing: { kind: 'none' } };
const chunked: FramingResult = { ok: true, framing: { kind: 'chunked' } };
const untilClose: FramingResult = { ok: true, framing: { kind: 'until-close' } };
const refused = (reason: string, status: 400 | 501 = 400): FramingResult => ({ ok: false, status, reason });
const framingFields = (1 << Field.contentLength) | (1 << Field.transferEncoding);

export function requestFraming(head: Head): FramingResult {
  if ((head.present & framingFields) === 0) return none;
  return declaredFraming(head);
}

/** @param head of a final answer @param method of the request this answers */
export function responseFraming(head: Head, method: string): FramingResult {
  if (method === 'HEAD' || head.status === 204 || head.status === 304) return none;
  if ((head.present & framingFields) === 0) return untilClose;
  return declaredFraming(head);
}

function declaredFraming(head: Head): FramingResult {
  if (head.has(Field.transferEncoding)) {
    if (head.has(Field.contentLength)) return refused('both content-length and transfer-encoding');
    if (head.minor === 0) return refused('transfer-encoding in HTTP/1.0');
    const coding = head.only(Field.transferEncoding);
    if (coding === undefined) return refused('repeated transfer-encoding');
    return coding.toLowerCase() === 'chunked' ? chunked : refused(`transfer-encoding "${coding}"`, 501);
  }
  // Repeated content-length is refused even when the values agree (RFC 9112 §6.3 permits either).
  const text = head.only(Field.contentLength);
  if (text === undefined || !/^\d{1,15}$/.test(text)) return refused('malformed or repeated content-length');
  const length = Number(text);
  return length === 0 ? none : { ok: true, framing: { kind: 'length', length } };
}
