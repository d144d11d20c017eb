import {
  badRequest,
  type DeleteOptions,
  type KubernetesObject,
  methodNotAllowed,
  methodNotSupportedHere,
  PatchType,
  plainFailure,
  unknownMediaType,
  unknownResource,
} from '@palisade/kubernetes';
import { scopeOfKind } from '../admission/subresource.ts';
import { answerReview } from '../auth/reviews.ts';
import { requestToken } from '../auth/token-request.ts';
import { applyObject } from '../registry/apply.ts';
import { createObject } from '../registry/create.ts';
import { decodeBody, type ParsedBody } from '../registry/decode-body.ts';
import { deleteObject } from '../registry/delete.ts';
import { finalizeNamespace } from '../registry/namespace-finalize.ts';
import { acceptedPatchTypes, patchObject } from '../registry/patch.ts';
import { bindNamedPod, bindPod, evictPod } from '../registry/pod-subresources.ts';
import { getObject } from '../registry/read.ts';
import { applyScale, getScale, patchScale, SCALE, updateScale } from '../registry/scale.ts';
import { returnsDeletedObject } from '../registry/strategy.ts';
import { type Change, updateObject } from '../registry/update.ts';
import { Entry } from '../store/entry.ts';
import { mediaType, parseBody, readBody, refuseDepth } from './body.ts';
import { deleteCollection, serveList, serveWatch } from './collection-handler.ts';
import { jsonFault } from './go-words.ts';
import { negotiate } from './negotiation.ts';
import { partialMetadata, renderTable } from './present.ts';
import { includeObject, isTrue, type ResourceRequest } from './request.ts';
import { invalidOptions, wholeNumber } from './request-options.ts';
import { sendJson } from './respond.ts';

/** Performs one authorised request on a resource and sends its answer. @throws StatusError before anything was sent */
export async function handleResource(request: ResourceRequest): Promise<void> {
  const { scope, verb } = request;
  if (scope.subresource !== '') return handleSubresource(request);
  requireVerb(request, scope.resource.info.verbs);
  // POST is for collections, PUT and PATCH for what has a name.
  if (verb === 'create' ? scope.name !== '' : scope.name === '' && (verb === 'update' || verb === 'patch')) throw methodNotSupportedHere();
  switch (verb) {
    case 'get':
      return sendObject(request, 200, await getObject(request.context.core, scope, request.query.get('resourceVersion') ?? ''));
    case 'list':
      return serveList(request);
    case 'watch':
      return serveWatch(request);
    case 'create':
      return create(request);
    case 'update':
      return update(request, 'main');
    case 'patch':
      return patch(request, 'main');
    case 'delete':
      return remove(request);
    case 'deletecollection':
      return deleteCollection(request, await readDeleteOptions(request));
    default:
      throw methodNotSupportedHere();
  }
}

/** What is done to one object, by its name. */
const NAMED_VERBS = ['get', 'update', 'patch', 'delete'];

/** Of built-in kinds a path knows its methods, and one without any is none; of custom ones the kind does. @throws StatusError 404, 405 */
function requireVerb({ scope, verb }: ResourceRequest, verbs: readonly string[]): void {
  if (verbs.includes(verb)) return;
  if (scope.resource.isCustom === true) throw methodNotAllowed(scope.resource.gvr, verb);
  const hasPath = scope.subresource !== '' || verbs.some((one) => NAMED_VERBS.includes(one) === (scope.name !== ''));
  throw hasPath ? methodNotSupportedHere() : unknownResource();
}

async function handleSubresource(request: ResourceRequest): Promise<void> {
  const { scope, verb, context } = request;
  const { core } = context;
  const sub = scope.resource.info.subresources.find((candidate) => candidate.name === scope.subresource);
  if (sub === undefined) throw unknownResource();
  requireVerb(request, sub.verbs);
  switch (scope.subresource) {
    case 'status':
      if (verb === 'get') return sendObject(request, 200, await getObject(core, scope));
      return verb === 'update' ? update(request, 'status') : patch(request, 'status');
    case 'scale':
      if (verb === 'get') return sendScale(request, await getScale(core, scope));
      if (verb === 'update') return sendScale(request, await updateScale(core, scope, await body(request)));
      if (mediaType(request.req) === PatchType.apply)
        return sendScale(request, await applyScale(core, scope, await appliedBody(request), isTrue(request.query.get('force'))));
      return sendScale(request, await patchScale(core, scope, mediaType(request.req), await patchBody(request)));
    case 'binding':
      return sendAnswer(request, await bindPod(core, scope, await body(request)));
    case 'eviction':
      return sendAnswer(request, await evictPod(core, scope, await body(request)));
    case 'token':
      return sendAnswer(request, await requestToken(core, scope, context.tokens, await body(request)));
    case 'finalize':
      return sendObject(
        request,
        200,
        await finalizeNamespace(core, scope, decodeBody(core, scope, scope.resource.gvk, await body(request))),
      );
    case 'approval':
    case 'ephemeralcontainers':
    case 'resize':
      if (verb === 'get') return sendObject(request, 200, await getObject(core, scope));
      return verb === 'update' ? update(request, scope.subresource) : patch(request, scope.subresource);
    case 'log': {
      const { serveLog } = await import('../streams/log.ts');
      return serveLog(request);
    }
    case 'exec':
    case 'attach':
    case 'portforward':
      await getObject(core, scope);
      throw badRequest(`Upgrade request required`);
    default:
      throw unknownResource();
  }
}

async function body({ context, req, scope }: ResourceRequest) {
  return parseBody(context.core, mediaType(req), await readBody(req), scope.resource.gvk.kind);
}

async function create(request: ResourceRequest): Promise<void> {
  const { context, scope } = request;
  const parsed = await body(request);
  const review = await answerReview(
    context.core,
    scope,
    { authorizer: context.authorizer, rules: context.rbac, tokens: context.tokens },
    parsed,
  );
  if (review !== undefined) return sendAnswer(request, review);
  if (scope.resource.storeType === 'bindings') return sendAnswer(request, await bindNamedPod(context.core, scope, parsed));
  const object = decodeBody(context.core, scope, scope.resource.gvk, parsed);
  sendObject(request, 201, await createObject(context.core, scope, object));
}

async function update(request: ResourceRequest, part: Change['part']): Promise<void> {
  const { context, scope } = request;
  const parsed = await body(request);
  const compute = () => decodeBody(context.core, scope, scope.resource.gvk, parsed);
  sendObject(request, 200, await updateObject(context.core, scope, { part, compute }));
}

async function patch(request: ResourceRequest, part: Change['part']): Promise<void> {
  const { context, scope, req, query } = request;
  if (mediaType(req) === PatchType.apply) {
    const parsed = await appliedBody(request);
    const { entry, isNew } = await applyObject(context.core, scope, parsed, isTrue(query.get('force')), part);
    return sendObject(request, isNew ? 201 : 200, entry);
  }
  sendObject(request, 200, await patchObject(context.core, scope, mediaType(req), await patchBody(request), part));
}

/** @throws StatusError 400 */
async function appliedBody({ context, scope, req }: ResourceRequest): Promise<ParsedBody> {
  return parseBody(context.core, 'application/yaml', await readBody(req), scope.resource.gvk.kind).catch((error: Error) => {
    const why = /(yaml: .*) \(/s.exec(error.message)?.[1];
    throw why === undefined ? error : badRequest(`error decoding YAML: error converting YAML to JSON: ${why}`);
  });
}

/** All patches but server-side apply are JSON. */
async function patchBody({ context, scope, req }: ResourceRequest): Promise<unknown> {
  const bytes = await readBody(req);
  const type = mediaType(req);
  const isKnown = (Object.values(PatchType) as string[]).includes(type);
  // A built-in kind's path takes patches alone; a custom one's says which.
  if (!isKnown && scope.resource.isCustom !== true) throw unknownMediaType();
  if (type === PatchType.apply || !acceptedPatchTypes(context.core, scope).includes(type)) return undefined;
  const text = bytes.toString('utf8');
  refuseDepth(text);
  try {
    return JSON.parse(text);
  } catch {
    throw badRequest(`${type === PatchType.strategic ? '' : 'error decoding patch: '}${jsonFault(text)}`);
  }
}

async function remove(request: ResourceRequest): Promise<void> {
  const { context, scope, res } = request;
  const { entry, removed } = await deleteObject(context.core, scope, await readDeleteOptions(request));
  if (!removed || returnsDeletedObject(scope.resource.storeType)) return sendObject(request, 200, entry);
  const { group, resource } = scope.resource.gvr;
  const details = { name: scope.name, ...(group === '' ? {} : { group }), kind: resource, uid: entry.object.metadata.uid };
  sendJson(res, 200, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details });
}

const DELETE_OPTIONS = { group: '', version: 'v1', kind: 'DeleteOptions' };

/** From the body, completed by the query (older clients put them there). */
async function readDeleteOptions({ context, scope, req, query }: ResourceRequest): Promise<DeleteOptions> {
  const bytes = await readBody(req);
  let options: DeleteOptions = {};
  if (bytes.length > 0) {
    const parsed = await parseBody(context.core, mediaType(req), bytes, 'DeleteOptions').catch((error: Error) => {
      const why = /couldn't get version\/kind; json parse error: .*(?= \()/s.exec(error.message)?.[0];
      throw why === undefined ? error : plainFailure(500, why);
    });
    const value = parsed.value as { kind?: string; apiVersion?: string };
    const { kind = 'DeleteOptions', apiVersion = 'v1' } = value;
    if (kind !== 'DeleteOptions')
      throw plainFailure(
        500,
        `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)} in scheme "pkg/runtime/scheme.go:110"`,
      );
    // DeleteOptions exist in every group; they are the same everywhere.
    const normal = typeof value === 'object' && value !== null ? { ...value, apiVersion: 'v1' } : value;
    options = decodeBody(context.core, { ...scope, fieldValidation: 'Ignore' }, DELETE_OPTIONS, {
      ...parsed,
      value: normal,
    }) as unknown as DeleteOptions;
  }
  const grace = wholeNumber(query, 'gracePeriodSeconds', badRequest);
  const propagation = query.get('propagationPolicy');
  if (query.get('gracePeriodSeconds')) options.gracePeriodSeconds ??= grace;
  if (propagation !== null && propagation !== '')
    options.propagationPolicy ??= propagation as NonNullable<DeleteOptions['propagationPolicy']>;
  checkDeleteOptions(options);
  return options;
}

const POLICIES = ['Foreground', 'Background', 'Orphan'];

/** @throws StatusError 422 */
function checkDeleteOptions({ propagationPolicy: policy, ...options }: DeleteOptions): void {
  const refuse = (reason: string, message: string) => invalidOptions('DeleteOptions', [{ reason, message, field: 'propagationPolicy' }]);
  if (policy === undefined) return;
  if ('orphanDependents' in options)
    throw refuse(
      'FieldValueInvalid',
      `Invalid value: ${JSON.stringify(policy)}: orphanDependents and deletionPropagation cannot be both set`,
    );
  if (POLICIES.includes(policy)) return;
  const supported = [...POLICIES, 'nil'].map((one) => JSON.stringify(one)).join(', ');
  throw refuse('FieldValueNotSupported', `Unsupported value: ${JSON.stringify(policy)}: supported values: ${supported}`);
}

function sendObject({ context, scope, req, res, query }: ResourceRequest, code: number, entry: Entry, model = scope.resource.model): void {
  const { form, apiVersion } = negotiate(req.headers.accept);
  const object: KubernetesObject = entry.object;
  if (form === 'table') {
    const metadata = { resourceVersion: object.metadata.resourceVersion };
    sendJson(res, code, renderTable(context.core, { model }, [object], metadata, { include: includeObject(query), apiVersion }));
  } else sendJson(res, code, form === 'partial' ? partialMetadata(object, apiVersion) : entry);
}

/** What is answered and not kept has no table. @throws StatusError 406 */
function sendAnswer({ req, res }: ResourceRequest, answer: KubernetesObject): void {
  const { form, apiVersion } = negotiate(req.headers.accept, false, ['partial']);
  sendJson(res, 201, form === 'partial' ? partialMetadata(answer, apiVersion) : answer);
}

function sendScale(request: ResourceRequest, scale: KubernetesObject): void {
  const { namespace, name } = request.scope;
  const entry = new Entry(namespace, name, 0, JSON.stringify(scale), scale);
  sendObject(request, 200, entry, scopeOfKind(request.context.core, request.scope, SCALE).resource.model);
}
