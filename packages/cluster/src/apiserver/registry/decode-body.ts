import {
  badRequest,
  decodeStrict,
  formatApiVersion,
  type GroupVersionKind,
  type KubernetesObject,
  parseApiVersion,
} from '@palisade/kubernetes';
import type { Core, Scope } from '../core.ts';

/** What a transport hands over: the parsed body and what its syntax alone already got wrong (duplicate keys). */
export interface ParsedBody {
  readonly value: unknown;
  readonly syntaxWarnings: readonly string[];
}

/**
 * Body to object of the wanted kind: kind and version must fit the URL, unknown fields are refused, warned about or dropped as
 * `fieldValidation` says. The result is a fresh copy.
 *
 * @throws StatusError 400
 */
export function decodeBody(core: Core, scope: Scope, wanted: GroupVersionKind, body: ParsedBody): KubernetesObject {
  const value = body.value;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badRequest(
      `the object provided is unrecognized (must be of type ${wanted.kind}): couldn't get version/kind; json parse error: expected an object`,
    );
  }
  const { kind, apiVersion } = value as Partial<KubernetesObject>;
  checkKind(wanted, kind, apiVersion);
  const completed = { ...value, kind: wanted.kind, apiVersion: formatApiVersion(wanted.group, wanted.version) };
  const { object, unknownFields } =
    wanted === scope.resource.gvk ? scope.resource.model.decode(completed) : decodeStrict(core.schemas, wanted, completed);
  const complaints = [...body.syntaxWarnings, ...unknownFields];
  if (complaints.length > 0 && scope.fieldValidation === 'Strict') {
    const version = formatApiVersion(wanted.group, wanted.version);
    throw badRequest(
      `${wanted.kind} in version "${version.split('/').at(-1)}" cannot be handled as a ${wanted.kind}: strict decoding error: ${complaints.join(', ')}`,
    );
  }
  if (scope.fieldValidation === 'Warn') for (const complaint of complaints) scope.warn(complaint);
  object.metadata ??= {};
  return object;
}

function checkKind(wanted: GroupVersionKind, kind: string | undefined, apiVersion: string | undefined): void {
  const expected = formatApiVersion(wanted.group, wanted.version);
  if (kind !== undefined && kind !== '' && kind !== wanted.kind) {
    const { version } = parseApiVersion(apiVersion ?? expected);
    const internal = wanted.group === '' ? 'core' : wanted.group.split('.')[0];
    const why = `converting (${version}.${kind}) to (${internal}.${wanted.kind}): unknown conversion`;
    throw badRequest(`${kind} in version "${version}" cannot be handled as a ${wanted.kind}: ${why}`);
  }
  if (apiVersion !== undefined && apiVersion !== '' && apiVersion !== expected) {
    throw badRequest(`the API version in the data (${apiVersion}) does not match the expected API version (${expected})`);
  }
}

/** A deep copy in JSON terms: undefined fields vanish, nothing is shared. */
export function cloneObject<T>(object: T): T {
  return JSON.parse(JSON.stringify(object)) as T;
}
