import type { IncomingMessage, ServerResponse } from 'node:http';
import { badRequest } from '@palisade/kubernetes';
import type { Scope } from '../core.ts';
import type { HttpContext } from './context.ts';
import type { IncludeObject } from './present.ts';

/** One authorised request on a resource, with its wire. */
export interface ResourceRequest {
  readonly context: HttpContext;
  readonly scope: Scope;
  /** The API verb, as authorised. */
  readonly verb: string;
  readonly query: URLSearchParams;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

/** Booleans of query parameters (apimachinery `Convert_Slice_string_To_bool`): whatever is there and not `false` or `0` is true. */
export function isTrue(text: string | null): boolean {
  return text !== null && text !== '0' && text.toLowerCase() !== 'false';
}

/** @throws StatusError 400 */
export function includeObject(query: URLSearchParams): IncludeObject {
  const value = query.get('includeObject') ?? '';
  if (value === '' || value === 'Metadata') return 'Metadata';
  if (value === 'None' || value === 'Object') return value;
  throw badRequest(
    `Unable to convert to Table as requested: includeObject: Invalid value: ${JSON.stringify(value)}: must be 'Metadata', 'Object', 'None', or empty`,
  );
}
