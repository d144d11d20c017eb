import { noFlags } from '../body/multipart-flags.ts';
import type { Profile } from '../seclang/ast.ts';

/** Flags and sizes that are 0 where there is no such body (ModSecurity 2.9). */
const zero: ReadonlySet<string> = new Set([
  ...Object.keys(noFlags()).map((flag) => `MULTIPART_${flag}`),
  ...['MULTIPART_STRICT_ERROR', 'FILES_COMBINED_SIZE', 'REQUEST_BODY_LENGTH'],
]);

const empty: ReadonlySet<string> = new Set(['REQBODY_ERROR_MSG', 'REQBODY_PROCESSOR_ERROR_MSG']);

/** Variables of one value, which ModSecurity 3 and Coraza have from the start, empty. */
const single: ReadonlySet<string> = new Set([
  ...zero,
  ...empty,
  ...[
    'ARGS_COMBINED_SIZE',
    'AUTH_TYPE',
    'FULL_REQUEST',
    'FULL_REQUEST_LENGTH',
    'INBOUND_DATA_ERROR',
    'MATCHED_VAR',
    'MATCHED_VAR_NAME',
    'OUTBOUND_DATA_ERROR',
  ],
  ...['PATH_INFO', 'QUERY_STRING', 'REQBODY_ERROR', 'REQBODY_PROCESSOR', 'REQBODY_PROCESSOR_ERROR', 'REQUEST_BODY', 'RESPONSE_BODY'],
  ...['RESPONSE_CONTENT_LENGTH', 'RESPONSE_CONTENT_TYPE', 'RESPONSE_PROTOCOL', 'RESPONSE_STATUS', 'SERVER_NAME'],
]);

/** What a variable holds before anything is known of it; undefined for those that are not there then. */
export function unsetValue(name: string, profile: Profile): string | undefined {
  if (profile !== 'modsecurity2') return single.has(name) ? '' : undefined;
  if (zero.has(name)) return '0';
  return empty.has(name) ? '' : undefined;
}
