import { goText, type StatusCause } from '@palisade/kubernetes';
import type { ScalePaths } from '../resource.ts';
import { isStruct } from './schema.ts';

const MAX_INT32 = 2 ** 31 - 1;

/** What a Scale could not show of an object: replicas are small whole numbers, the selector is a text (apiextensions `validator.go`). */
export function scaleFaults({ replicas, statusReplicas, selector }: ScalePaths, object: object, part: 'whole' | 'status'): StatusCause[] {
  return [
    ...(part === 'whole' ? countFaults(object, replicas) : []),
    ...countFaults(object, statusReplicas),
    ...(selector === undefined ? [] : textFaults(object, selector)),
  ];
}

function countFaults(object: object, path: readonly string[]): StatusCause[] {
  const field = `.${path.join('.')}`;
  const refuse = (value: unknown, why: string): StatusCause[] => [
    { reason: 'FieldValueInvalid', message: `Invalid value: ${value}: ${why}`, field },
  ];
  const { value, fault } = read(object, path);
  if (fault !== undefined) return refuse(0, fault);
  if (value === undefined) return [];
  if (!Number.isInteger(value)) return refuse(0, accessorFault(path, value, 'int64'));
  if ((value as number) < 0) return refuse(value, 'should be a non-negative integer');
  return (value as number) > MAX_INT32 ? refuse(value, `should be less than or equal to ${MAX_INT32}`) : [];
}

function textFaults(object: object, path: readonly string[]): StatusCause[] {
  const { value, fault } = read(object, path);
  const why = fault ?? (value === undefined || typeof value === 'string' ? undefined : accessorFault(path, value, 'string'));
  return why === undefined ? [] : [{ reason: 'FieldValueInvalid', message: `Invalid value: "": ${why}`, field: `.${path.join('.')}` }];
}

function read(object: object, path: readonly string[]): { value?: unknown; fault?: string } {
  let at: unknown = object;
  for (const [i, name] of path.entries()) {
    if (at === undefined || at === null) return {};
    if (!isStruct(at)) return { fault: accessorFault(path.slice(0, i + 1), at, 'map[string]interface{}') };
    if (!Object.hasOwn(at, name)) return {};
    at = at[name];
  }
  return { value: at };
}

function accessorFault(path: readonly string[], value: unknown, wanted: string): string {
  return `.${path.join('.')} accessor error: ${goText(value)} is of the type ${goType(value)}, expected ${wanted}`;
}

function goType(value: unknown): string {
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return '[]interface {}';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64';
  return typeof value === 'object' ? 'map[string]interface {}' : typeof value === 'boolean' ? 'bool' : typeof value;
}
