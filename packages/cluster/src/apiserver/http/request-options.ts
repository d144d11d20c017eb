import { invalid, type StatusCause } from '@palisade/kubernetes';
import type { FieldValidation } from '../core.ts';

/** Parameters of a write (meta.k8s.io CreateOptions, UpdateOptions, PatchOptions). */
export interface WriteParameters {
  readonly dryRun: boolean;
  readonly fieldValidation: FieldValidation;
  readonly fieldManager: string;
}

const KINDS: Readonly<Record<string, string>> = {
  create: 'CreateOptions',
  update: 'UpdateOptions',
  patch: 'PatchOptions',
  delete: 'DeleteOptions',
};
const VALIDATIONS = ['Ignore', 'Strict', 'Warn'] as const;
/** A manager's name is kept in every object it writes. */
const MAX_MANAGER_BYTES = 128;

/** A 422 about one of the request's own option objects. */
export function invalidOptions(kind: string, causes: readonly StatusCause[]): Error {
  return invalid({ group: 'meta.k8s.io', kind }, '', causes);
}

/** @throws StatusError 422 for parameters that mean nothing */
export function writeParameters(verb: string, query: URLSearchParams, isApply: boolean): WriteParameters {
  const dryRun = query.getAll('dryRun');
  const fieldValidation = query.get('fieldValidation') || 'Warn';
  const fieldManager = query.get('fieldManager') ?? '';
  const causes: StatusCause[] = [];
  if (verb === 'patch' && !isApply && query.has('force'))
    causes.push({ reason: 'FieldValueForbidden', message: 'Forbidden: may not be specified for non-apply patch', field: 'force' });
  if (fieldManager.length > MAX_MANAGER_BYTES) {
    causes.push({
      reason: 'FieldValueTooLong',
      message: `Too long: may not be more than ${MAX_MANAGER_BYTES} bytes`,
      field: 'fieldManager',
    });
  }
  if (dryRun.some((value) => value !== 'All')) {
    const message = `Unsupported value: ${JSON.stringify(dryRun)}: supported values: "All"`;
    causes.push({ reason: 'FieldValueNotSupported', message, field: 'dryRun' });
  }
  const known = VALIDATIONS.find((one) => one === fieldValidation);
  if (known === undefined) {
    const message = `Unsupported value: ${JSON.stringify(fieldValidation)}: supported values: "", "Ignore", "Strict", "Warn"`;
    causes.push({ reason: 'FieldValueNotSupported', message, field: 'fieldValidation' });
  }
  const kind = KINDS[verb];
  if (causes.length > 0 && kind !== undefined) throw invalidOptions(kind, causes);
  return { dryRun: dryRun.length > 0, fieldValidation: known ?? 'Warn', fieldManager };
}

/** Whole numbers of query parameters. @throws StatusError 400 */
export function wholeNumber(query: URLSearchParams, name: string, refuse: (message: string) => Error): number {
  const text = query.get(name) ?? '';
  if (text === '') return 0;
  if (!/^[+-]?\d{1,18}$/.test(text)) throw refuse(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

/** @param isWatch lists know no streamed start, watches no match without one. @throws StatusError 422 */
export function checkListOptions(query: URLSearchParams, isWatch: boolean): void {
  const match = query.get('resourceVersionMatch') ?? '';
  const version = query.get('resourceVersion') ?? '';
  const initial = query.get('sendInitialEvents');
  const forbidden = (message: string, field = 'resourceVersionMatch') =>
    invalidOptions('ListOptions', [{ reason: 'FieldValueForbidden', message: `Forbidden: ${message}`, field }]);
  if (isWatch) {
    if (initial === null) {
      if (match !== '') throw forbidden('resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided');
    } else if (match !== 'NotOlderThan') throw forbidden('sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
    return;
  }
  if (initial !== null) throw forbidden('sendInitialEvents is forbidden for list', 'sendInitialEvents');
  if (match === '') return;
  if (version === '') throw forbidden('resourceVersionMatch is forbidden unless resourceVersion is provided');
  if (query.get('continue')) throw forbidden('resourceVersionMatch is forbidden when continue is provided');
  if (match !== 'Exact' && match !== 'NotOlderThan') {
    const message = `Unsupported value: ${JSON.stringify(match)}: supported values: "Exact", "NotOlderThan", ""`;
    throw invalidOptions('ListOptions', [{ reason: 'FieldValueNotSupported', message, field: 'resourceVersionMatch' }]);
  }
  if (match === 'Exact' && version === '0') throw forbidden('resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
}
