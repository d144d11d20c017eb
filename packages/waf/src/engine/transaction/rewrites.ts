import { Target } from '../variables/target.ts';
import type { TransactionState } from './state.ts';
import { valuesOf } from './values.ts';

/** What rules do to the body of a response (SecContentInjection, `@rsub`); bytes. */
export interface ResponseEdits {
  readonly before: Buffer;
  /** Instead of the body as far as it was shown to the transaction; undefined: as it is. */
  readonly body: Buffer | undefined;
  readonly after: Buffer;
}

/** Fields of a response that tell of bytes which an edit changes (RFC 9110 §8.6 and §8.8.3; RFC 9530; RFC 1864). */
export const fieldsAboutBytes: readonly string[] = [
  'content-length',
  'etag',
  'content-digest',
  'repr-digest',
  'digest',
  'content-md5',
  'accept-ranges',
];

/** `@rsub` has changed a body: rules that follow see the new one. */
export function rewriteStream(state: TransactionState, name: 'STREAM_INPUT_BODY' | 'STREAM_OUTPUT_BODY', body: string): void {
  state.setList(name, [new Target('', body)]);
  if (name === 'STREAM_INPUT_BODY') state.rewrittenRequest = body;
  else state.rewrittenResponse = body;
}

/** @returns undefined when the response stays as it is: no rule edits it, or it cannot be edited */
export function responseEdits(state: TransactionState): ResponseEdits | undefined {
  const isInjected = state.ruleSet.settings.contentInjection && (state.prepended !== '' || state.appended !== '');
  if (!isInjected && state.rewrittenResponse === undefined) return undefined;
  // A body over its limit was seen in part: what was made of that part goes nowhere.
  const isWhole = valuesOf(state, 'OUTBOUND_DATA_ERROR')[0]?.value !== '1';
  const body = isWhole ? state.rewrittenResponse : undefined;
  if ((!isInjected && body === undefined) || !isEditable(state)) return undefined;
  const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
  return {
    before: bytes(isInjected ? state.prepended : ''),
    body: body === undefined ? undefined : bytes(body),
    after: bytes(isInjected ? state.appended : ''),
  };
}

/** Responses without a body, parts of one (206), and packed ones: text beside packed bytes would make them unreadable. */
function isEditable(state: TransactionState): boolean {
  const status = valuesOf(state, 'RESPONSE_STATUS')[0]?.value ?? '';
  const coding = valuesOf(state, 'RESPONSE_HEADERS').find(({ lowerKey }) => lowerKey === 'content-encoding')?.value ?? 'identity';
  return (
    valuesOf(state, 'REQUEST_METHOD')[0]?.value !== 'HEAD' &&
    !/^(?:1..|204|205|206|304)$/.test(status) &&
    /^\s*(?:identity)?\s*$/i.test(coding)
  );
}
