import { type Status, type StatusCause, StatusError } from './status.ts';

/**
 * Builders of the API's failures, worded as kube-apiserver words them (apimachinery `api/errors`): kubectl and other clients show
 * these texts, and some parse them.
 */

interface GroupResource {
  readonly group: string;
  readonly resource: string;
}

interface GroupKind {
  readonly group: string;
  readonly kind: string;
}

/** `pods`, or `deployments.apps` outside the core group. */
export function formatGroupResource({ group, resource }: GroupResource): string {
  return group === '' ? resource : `${resource}.${group}`;
}

/** `Pod`, or `Deployment.apps` outside the core group. */
export function formatGroupKind({ group, kind }: GroupKind): string {
  return group === '' ? kind : `${kind}.${group}`;
}

function failure(code: number, reason: string, message: string, details?: Status['details']): StatusError {
  const status: Status = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    ...(details ? { details } : {}),
    code,
  };
  return new StatusError(status);
}

/** Details as Go writes them: empty strings are left out. */
function about(group: string, kind: string, name: string): NonNullable<Status['details']> {
  return { ...(name ? { name } : {}), ...(group ? { group } : {}), ...(kind ? { kind } : {}) };
}

export function notFound(resource: GroupResource, name: string): StatusError {
  return failure(404, 'NotFound', `${formatGroupResource(resource)} "${name}" not found`, about(resource.group, resource.resource, name));
}

/** A path that names no known resource. */
export function unknownResource(): StatusError {
  return failure(404, 'NotFound', 'the server could not find the requested resource', {});
}

export function alreadyExists(resource: GroupResource, name: string): StatusError {
  const message = `${formatGroupResource(resource)} "${name}" already exists`;
  return failure(409, 'AlreadyExists', message, about(resource.group, resource.resource, name));
}

const staleObject = 'the object has been modified; please apply your changes to the latest version and try again';

/** @param why defaults to the text for a stale resourceVersion */
export function conflict(resource: GroupResource, name: string, why: string = staleObject): StatusError {
  const message = `Operation cannot be fulfilled on ${formatGroupResource(resource)} "${name}": ${why}`;
  return failure(409, 'Conflict', message, about(resource.group, resource.resource, name));
}

/** Server-side apply lost against other managers; one cause for each field. */
export function applyConflict(causes: readonly StatusCause[], summary: string): StatusError {
  const noun = causes.length === 1 ? 'conflict' : 'conflicts';
  return failure(409, 'Conflict', `Apply failed with ${causes.length} ${noun}: ${summary}`, { causes: [...causes] });
}

/** One line for several causes, as Go's error aggregate prints them: equal texts once, `[a, b]` when more than one is left. */
export function formatCauses(causes: readonly StatusCause[]): string {
  const texts = [...new Set(causes.map((c) => (c.field ? `${c.field}: ${c.message ?? ''}` : (c.message ?? ''))))];
  return texts.length === 1 ? texts[0]! : `[${texts.join(', ')}]`;
}

export function invalid(kind: GroupKind, name: string, causes: readonly StatusCause[]): StatusError {
  const message = `${formatGroupKind(kind)} "${name}" is invalid${causes.length > 0 ? `: ${formatCauses(causes)}` : ''}`;
  return failure(422, 'Invalid', message, { ...about(kind.group, kind.kind, name), ...(causes.length > 0 ? { causes: [...causes] } : {}) });
}

/** JSON patches that fail a test or miss a path answer 422 without details. */
export function unprocessable(message = 'the server rejected our request due to an error in our request'): StatusError {
  return failure(422, 'Invalid', message, {});
}

/** @param name empty for a collection */
export function forbidden(resource: GroupResource, name: string, why: string, causes?: readonly StatusCause[]): StatusError {
  const text = formatGroupResource(resource);
  const subject = text === '' ? 'forbidden' : name === '' ? `${text} is forbidden` : `${text} "${name}" is forbidden`;
  const details = { ...about(resource.group, resource.resource, name), ...(causes ? { causes: [...causes] } : {}) };
  return failure(403, 'Forbidden', `${subject}: ${why}`, details);
}

export interface DeniedRequest {
  readonly user: string;
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly name: string;
  /** Empty means cluster scope. */
  readonly namespace: string;
  /** What was lacking, where the authorizer knows it. */
  readonly reason?: string;
}

/** The authorizer's refusal of a resource request. */
export function accessDenied(request: DeniedRequest): StatusError {
  const resource = request.subresource ? `${request.resource}/${request.subresource}` : request.resource;
  const scope = request.namespace === '' ? 'at the cluster scope' : `in the namespace "${request.namespace}"`;
  const why = `User "${request.user}" cannot ${request.verb} resource "${resource}" in API group "${request.group}" ${scope}`;
  const told = request.reason ? `${why}: ${request.reason}` : why;
  return forbidden({ group: request.group, resource: request.resource }, request.name, told);
}

/** The authorizer's refusal of a path that is no resource. */
export function pathDenied(user: string, verb: string, path: string): StatusError {
  return failure(403, 'Forbidden', `forbidden: User "${user}" cannot ${verb} path "${path}"`, {});
}

export function namespaceTerminating(resource: GroupResource, name: string, namespace: string): StatusError {
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  const cause = { reason: 'NamespaceTerminating', message: `namespace ${namespace} is being terminated`, field: 'metadata.namespace' };
  return forbidden(resource, name, why, [cause]);
}

export function badRequest(message: string): StatusError {
  return failure(400, 'BadRequest', message);
}

export function unauthorized(message = 'Unauthorized'): StatusError {
  return failure(401, 'Unauthorized', message);
}

/** @param action the verb as the caller used it, such as `create` */
export function methodNotAllowed(resource: GroupResource, action: string): StatusError {
  const message = `${action} is not supported on resources of kind "${formatGroupResource(resource)}"`;
  return failure(405, 'MethodNotAllowed', message, about(resource.group, resource.resource, ''));
}

/** A method the path never has. */
export function methodNotSupportedHere(): StatusError {
  return failure(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
}

export function notAcceptable(accepted: readonly string[]): StatusError {
  return failure(406, 'NotAcceptable', `406: Not Acceptable\n\nAvailable representations: ${accepted.join(', ')}`, {});
}

/** A representation that only lists, or only single objects, have. */
export function wrongRepresentation(message: string): StatusError {
  return failure(406, 'NotAcceptable', message);
}

/** A fault the real server has no reason for: only a code and a text. */
export function plainFailure(code: number, message: string): StatusError {
  const { reason: _, ...status } = failure(code, '', message).status;
  return new StatusError(status);
}

/** kubectl falls back to other patch types by reading the accepted list. */
export function unsupportedMediaType(accepted: readonly string[]): StatusError {
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`;
  return failure(415, 'UnsupportedMediaType', message);
}

/** A media type the path never takes. */
export function unknownMediaType(): StatusError {
  return failure(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {});
}

/** A resource version or continue token older than the history kept (410); clients list again. */
export function expired(message: string): StatusError {
  return failure(410, 'Expired', message);
}

export function gone(message: string): StatusError {
  return failure(410, 'Gone', message);
}

export function tooLarge(limitBytes: number): StatusError {
  return failure(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${limitBytes}`);
}

export function tooManyRequests(message: string, retryAfterSeconds: number): StatusError {
  return failure(429, 'TooManyRequests', message, { retryAfterSeconds });
}

/** An eviction that a PodDisruptionBudget forbids just now. */
export function disruptionBudget(message: string, retryAfterSeconds?: number): StatusError {
  const causes = [{ reason: 'DisruptionBudget', message }];
  const details = retryAfterSeconds === undefined ? { causes } : { causes, retryAfterSeconds };
  return failure(429, 'TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", details);
}

export function internalError(message: string): StatusError {
  return failure(500, 'InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] });
}

export function serviceUnavailable(message: string): StatusError {
  return failure(503, 'ServiceUnavailable', message);
}

export function timeout(message: string, retryAfterSeconds?: number): StatusError {
  return failure(504, 'Timeout', `Timeout: ${message}`, retryAfterSeconds === undefined ? {} : { retryAfterSeconds });
}

/** A resource version from the future: the client waits for a server that has it. */
export function resourceVersionTooLarge(asked: string | number, current: string | number): StatusError {
  const causes = [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }];
  const message = `Timeout: Too large resource version: ${asked}, current: ${current}`;
  return failure(504, 'Timeout', message, { causes, retryAfterSeconds: 1 });
}
