import {
  badRequest,
  decodeStrict,
  formatApiVersion,
  type GroupVersionKind,
  invalid,
  type KubernetesObject,
  parseApiVersion,
} from '@palisade/kubernetes';
import type { Core, Scope } from '../core.ts';
import { glimpse } from '../http/go-words.ts';

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
  if (scope.resource.isCustom === true && wanted === scope.resource.gvk) requireOwnKind(wanted, value as Partial<KubernetesObject>);
  checkKind(core, wanted, kind, apiVersion);
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

/** Custom objects say themselves what they are. @throws StatusError 400, 422 */
function requireOwnKind(wanted: GroupVersionKind, value: Partial<KubernetesObject>): void {
  const missing = !value.kind ? 'Kind' : !value.apiVersion ? 'apiVersion' : undefined;
  if (missing !== undefined) {
    const json = JSON.stringify(value);
    const why = `Object '${missing}' is missing in '${json}' (${glimpse(Buffer.from(json))})`;
    throw badRequest(`the object provided is unrecognized (must be of type ${wanted.kind}): ${why}`);
  }
  if (value.kind === wanted.kind) return;
  const message = `Invalid value: ${JSON.stringify(value.kind)}: must be ${wanted.kind}`;
  throw invalid({ group: wanted.group, kind: value.kind ?? '' }, value.metadata?.name ?? '', [
    { reason: 'FieldValueInvalid', message, field: 'kind' },
  ]);
}

/** What Go calls the package of a group's internal types. */
export const internalGroup = (group: string): string => (group === '' ? 'core' : group.split('.')[0]!);

function checkKind(core: Core, wanted: GroupVersionKind, kind: string | undefined, apiVersion: string | undefined): void {
  const expected = formatApiVersion(wanted.group, wanted.version);
  const given = parseApiVersion(apiVersion || expected);
  const named = kind || wanted.kind;
  if (named === wanted.kind && (!apiVersion || apiVersion === expected)) return;
  const refuse = (why: string) => badRequest(`${named} in version "${given.version}" cannot be handled as a ${wanted.kind}: ${why}`);
  const isCustom = !core.schemas.hasKind(wanted);
  const isKnown =
    core.schemas.hasKind({ ...given, kind: named }) ||
    named === 'List' ||
    (named.endsWith('List') && core.schemas.hasKind({ ...given, kind: named.slice(0, -4) }));
  if (!isCustom && !isKnown) {
    throw refuse(
      `no kind ${JSON.stringify(named)} is registered for version ${JSON.stringify(apiVersion || expected)} in scheme "pkg/runtime/scheme.go:110"`,
    );
  }
  if (named !== wanted.kind) {
    throw refuse(`converting (${given.version}.${named}) to (${internalGroup(wanted.group)}.${wanted.kind}): unknown conversion`);
  }
  throw badRequest(`the API version in the data (${apiVersion}) does not match the expected API version (${expected})`);
}

/** @throws StatusError 400 when an object says it is somewhere else than the path does */
export function refuseOtherNamespace({ namespace }: Scope, { metadata }: KubernetesObject): void {
  if (!metadata.namespace || metadata.namespace === namespace) return;
  throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
}
