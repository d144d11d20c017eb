import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  accessDenied,
  type FieldRequirement,
  methodNotSupportedHere,
  PatchType,
  parseFieldSelector,
  pathDenied,
  unknownResource,
} from '@palisade/kubernetes';
import type { UserInfo } from '../../contract.ts';
import { authenticate } from '../auth/authenticate.ts';
import type { Attributes } from '../auth/authorizer.ts';
import type { Scope } from '../core.ts';
import { mediaType } from './body.ts';
import type { HttpContext } from './context.ts';
import { serveDiscovery } from './discovery.ts';
import { serveHealth, serveWellKnown } from './paths.ts';
import { isProxied, serveProxy } from './proxy.ts';
import { isTrue } from './request.ts';
import { parseRequestPath, type RequestInfo } from './request-info.ts';
import { writeParameters } from './request-options.ts';
import { handleResource } from './resource-handler.ts';
import { addWarning, sendError, sendText } from './respond.ts';

/** Who writes and does not say so is named by the first word of its `User-Agent`. */
function agentName(req: IncomingMessage): string {
  return (req.headers['user-agent'] ?? '').split('/')[0]!.trim().slice(0, 128) || 'unknown';
}

type ResourceInfo = Extract<RequestInfo, { isResource: true }>;

/** One HTTP request from its first header to its last byte. Never rejects. */
export async function route(context: HttpContext, req: IncomingMessage, res: ServerResponse): Promise<void> {
  try {
    const url = new URL(req.url ?? '/', 'https://palisade');
    const user = await authenticate(req, context.tokens, context.authorizer);
    const info = parseRequestPath(url.pathname);
    if (info === undefined) return sendText(res, 400, '400 Bad Request');
    const group = info.isResource ? info.group : url.pathname.split('/')[1] === 'apis' ? (url.pathname.split('/')[2] ?? '') : '';
    const handler = context.aggregated.get(group);
    if (info.isResource) {
      const query = url.searchParams;
      const verb = verbOf(req.method ?? 'GET', info, query);
      authorizeResource(context, user, verb, info, query.get('fieldSelector') ?? '');
      if (handler === undefined && !context.core.catalog.hasGroup(info.group)) return sendText(res, 404, '404 page not found\n');
      if (handler !== undefined) return await handler(req, res, user);
      if (isProxied(info)) {
        // The query is the target's, not the server's.
        const scope = scopeOf(context, user, { ...info, rest: '' }, 'get', new URLSearchParams(), false, (text) => addWarning(res, text));
        return await serveProxy(context, scope, info, url.search, req, res);
      }
      if (isUnknownCustom(context, info)) return sendText(res, 404, '404 page not found\n');
      const deprecation = context.core.catalog.find(info)?.deprecation;
      if (deprecation !== undefined) addWarning(res, deprecation);
      const isApply = mediaType(req) === PatchType.apply;
      const asked = scopeOf(context, user, info, verb, query, isApply, (text) => addWarning(res, text));
      const scope = asked.fieldManager !== '' || isApply ? asked : { ...asked, fieldManager: agentName(req) };
      return await handleResource({ context, scope, verb, query, req, res });
    }
    authorizePath(context, user, req.method ?? 'GET', url.pathname);
    if (handler !== undefined) return await handler(req, res, user);
    if (req.method !== 'GET') {
      const isForeign = group !== '' && !context.core.catalog.hasGroup(group);
      if (/^\/apis?(\/|$)/.test(url.pathname) && !isForeign) throw methodNotSupportedHere();
      return sendText(res, 404, '404 page not found\n');
    }
    if (serveDiscovery(context.core.catalog, context.foreignGroups, url.pathname, req, res)) return;
    if (context.documents.serve(url.pathname, req, res)) return;
    if (serveHealth(context, url, res) || (await serveWellKnown(context, url.pathname, res))) return;
    sendText(res, 404, '404 page not found\n');
  } catch (error) {
    sendError(req, res, error);
  }
}

/** What no definition serves has no path at all, where built-in groups answer with a Status. */
function isUnknownCustom({ core }: HttpContext, info: ResourceInfo): boolean {
  const resource = core.catalog.find(info);
  const isForeign = resource === undefined || (!resource.info.namespaced && info.namespace !== '');
  return isForeign && !core.schemas.resources().some(({ group }) => group === info.group);
}

const VERBS: Readonly<Record<string, string>> = {
  GET: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

function verbOf(method: string, info: ResourceInfo, query: URLSearchParams): string {
  const verb = VERBS[method];
  if (verb === undefined) throw methodNotSupportedHere();
  if (info.isWatchPath && verb === 'get') return 'watch';
  if (info.name !== '') return verb;
  if (verb === 'get' && isTrue(query.get('watch'))) return 'watch';
  return verb === 'get' ? 'list' : verb === 'delete' ? 'deletecollection' : verb;
}

/** @throws StatusError 403 */
export function authorizeResource({ authorizer }: HttpContext, user: UserInfo, verb: string, info: ResourceInfo, fieldSelector = ''): void {
  const { group, version, resource, subresource, path } = info;
  const fields = verb === 'list' || verb === 'watch' ? requirementsIn(fieldSelector) : [];
  // Who reads what has one name asks for that one alone.
  const name = info.name || (fields.find(({ field, op }) => field === 'metadata.name' && op === '=')?.value ?? '');
  // A namespace is asked for by its own name as namespace, so that a Role in it can allow reading it.
  const namespace = group === '' && resource === 'namespaces' && info.name !== '' ? info.name : info.namespace;
  const attributes: Attributes = { user, verb, path, resource: { group, version, resource, subresource, namespace, name, fields } };
  const { allowed, reason } = authorizer.authorize(attributes);
  if (!allowed) throw accessDenied({ user: user.username, verb, group, resource, subresource, name, namespace, reason });
}

/** None where they cannot be understood: what serves the request says so, to those who may know. */
function requirementsIn(fieldSelector: string): FieldRequirement[] {
  try {
    return parseFieldSelector(fieldSelector);
  } catch {
    return [];
  }
}

function authorizePath({ authorizer }: HttpContext, user: UserInfo, method: string, path: string): void {
  const verb = method.toLowerCase() === 'head' ? 'get' : method.toLowerCase();
  if (!authorizer.authorize({ user, verb, path }).allowed) throw pathDenied(user.username, verb, path);
}

/** Groups that answer questions, some of them about a namespace named in the body. */
const REVIEWS = new Set(['authorization.k8s.io', 'authentication.k8s.io']);

/** @throws StatusError 404 for a resource that is not served, 405 and 422 for parameters that mean nothing */
export function scopeOf(
  context: HttpContext,
  user: UserInfo,
  info: ResourceInfo,
  verb: string,
  query: URLSearchParams,
  isApply: boolean,
  warn: (text: string) => void,
): Scope {
  const resource = context.core.catalog.find(info);
  if (resource === undefined || info.rest !== '') throw unknownResource();
  if (!resource.info.namespaced && info.namespace !== '') throw unknownResource();
  if (resource.info.namespaced && info.namespace === '' && info.name !== '') throw unknownResource();
  // Across all namespaces things are only read.
  const isAcross = resource.info.namespaced && info.namespace === '';
  if (isAcross && !['get', 'list', 'watch'].includes(verb) && !REVIEWS.has(info.group)) throw methodNotSupportedHere();
  const parameters = writeParameters(verb, query, isApply);
  return {
    resource,
    namespace: info.namespace,
    name: info.name,
    subresource: info.subresource,
    user,
    ...parameters,
    warn,
  };
}
