import {
  applyJsonPatch,
  badRequest,
  cloneObject,
  forbidden,
  internalError,
  type KubernetesObject,
  plainFailure,
  StatusError,
} from '@palisade/kubernetes';
import { type Admission, type Core, type Operation, readObject, type Scope } from '../core.ts';
import { meetsConditions } from './conditions.ts';
import { type AdmissionTarget, matchesWebhook, type Webhook } from './match.ts';

/** Asks one webhook; rejects when it cannot be reached or does not answer properly. */
export type CallWebhook = (webhook: Webhook, review: object) => Promise<unknown>;

interface AdmissionResponse {
  readonly uid?: string;
  readonly allowed?: boolean;
  readonly status?: { readonly message?: string; readonly reason?: string; readonly code?: number };
  readonly patch?: string;
  readonly patchType?: string;
  readonly warnings?: readonly string[];
}

const MUTATING = 'mutatingwebhookconfigurations.admissionregistration.k8s.io';
const VALIDATING = 'validatingwebhookconfigurations.admissionregistration.k8s.io';

/** Webhooks are never asked about the configurations of webhooks: a broken one could not be removed. */
const EXEMPT_GROUP = 'admissionregistration.k8s.io';

/**
 * Admission by webhooks (AdmissionReview v1): the mutating ones one after the other in the order of their configurations' names,
 * the validating ones at the same time. A webhook that fails refuses the request unless its failurePolicy says Ignore.
 */
export class WebhookAdmission implements Admission {
  readonly #core: () => Core;
  readonly #call: CallWebhook;

  constructor(core: () => Core, call: CallWebhook) {
    this.#core = core;
    this.#call = call;
  }

  /** Asks the mutating webhooks about an object that goes: they may deny, there is nothing to change. @throws StatusError */
  async mutateNothing(scope: Scope, old: KubernetesObject): Promise<void> {
    for (const webhook of this.#matching(MUTATING, scope, 'DELETE', undefined, old)) {
      const response = await this.#ask(webhook, scope, 'DELETE', undefined, old);
      const patch = response === undefined ? undefined : patchIn(webhook, response);
      if (patch === undefined || patch.length === 0) continue;
      const why = 'attempted to modify the object, which is not supported for this operation';
      throw internalError(`admission webhook "${webhook.name}" ${why}`);
    }
  }

  /** @returns the object as the webhooks want it; the same one when none is concerned. @throws StatusError */
  async mutate(scope: Scope, operation: Operation, object: KubernetesObject, old: KubernetesObject | undefined): Promise<KubernetesObject> {
    const webhooks = this.#matching(MUTATING, scope, operation, object, old);
    if (webhooks.length === 0) return object;
    let current = scope.resource.model.applyDefaults(cloneObject(object));
    const before = current;
    const changedAfter: Webhook[] = [];
    for (const webhook of webhooks) {
      const next = await this.#mutateBy(webhook, scope, operation, current, old);
      // Who asked to see later changes sees them, once.
      if (next !== current)
        for (const earlier of webhooks.slice(0, webhooks.indexOf(webhook)))
          if (earlier.reinvocationPolicy === 'IfNeeded' && !changedAfter.includes(earlier)) changedAfter.push(earlier);
      current = next;
    }
    for (const webhook of changedAfter) current = await this.#mutateBy(webhook, scope, operation, current, old);
    if (current === before) return object;
    const decoded = decodeMutated(scope, current);
    // Identity is the server's. Options of a connection have none.
    if (object.metadata !== undefined)
      decoded.metadata = {
        ...decoded.metadata,
        ...pick(object.metadata, ['name', 'namespace', 'uid', 'creationTimestamp', 'resourceVersion', 'generation']),
      };
    return scope.resource.model.applyDefaults(decoded);
  }

  /** @throws StatusError when a webhook denies */
  async validate(
    scope: Scope,
    operation: Operation,
    object: KubernetesObject | undefined,
    old: KubernetesObject | undefined,
  ): Promise<void> {
    const webhooks = this.#matching(VALIDATING, scope, operation, object, old);
    await Promise.all(webhooks.map((webhook) => this.#ask(webhook, scope, operation, object, old)));
  }

  #matching(
    type: string,
    scope: Scope,
    operation: Operation,
    object: KubernetesObject | undefined,
    old: KubernetesObject | undefined,
  ): Webhook[] {
    const core = this.#core();
    const configurations = core.store.list(type);
    if (configurations.length === 0 || scope.resource.gvr.group === EXEMPT_GROUP) return [];
    const isNamespace = scope.resource.storeType === 'namespaces';
    const namespaceLabels = isNamespace
      ? ((object ?? old)?.metadata.labels ?? {})
      : scope.namespace === ''
        ? undefined
        : (readObject(core, 'namespaces', '', scope.namespace)?.metadata.labels ?? {});
    const target: AdmissionTarget = { operation, scope, object, old, namespaceLabels };
    return configurations.flatMap((entry) =>
      ((entry.object['webhooks'] ?? []) as Webhook[]).filter((webhook) => matchesWebhook(webhook, target) && this.#isMet(webhook, target)),
    );
  }

  /** Conditions that cannot be evaluated count as the webhook failing. @throws StatusError when it may not fail */
  #isMet(webhook: Webhook, { scope, operation, object, old }: AdmissionTarget): boolean {
    const conditions = webhook.matchConditions ?? [];
    if (conditions.length === 0) return true;
    const { request } = reviewOf('', scope, operation, object, old) as { request: Record<string, unknown> };
    try {
      return meetsConditions(conditions, { request, object, oldObject: old });
    } catch (error) {
      if (webhook.failurePolicy === 'Ignore') return false;
      throw forbidden(scope.resource.gvr, scope.name || (object?.metadata?.name ?? ''), (error as Error).message);
    }
  }

  async #mutateBy(
    webhook: Webhook,
    scope: Scope,
    operation: Operation,
    object: KubernetesObject,
    old: KubernetesObject | undefined,
  ): Promise<KubernetesObject> {
    const response = await this.#ask(webhook, scope, operation, object, old);
    const patch = response === undefined ? undefined : patchIn(webhook, response);
    if (patch === undefined) return object;
    try {
      return applyJsonPatch(cloneObject(object), patch) as KubernetesObject;
    } catch (error) {
      throw internalError((((error as Error).cause ?? error) as Error).message);
    }
  }

  /** The answer of one webhook; undefined when it failed and may be ignored. @throws StatusError when it denies, or fails and may not */
  async #ask(
    webhook: Webhook,
    scope: Scope,
    operation: Operation,
    object: KubernetesObject | undefined,
    old: KubernetesObject | undefined,
  ): Promise<AdmissionResponse | undefined> {
    if (scope.dryRun && webhook.sideEffects !== 'None' && webhook.sideEffects !== 'NoneOnDryRun') {
      throw badRequest(`admission webhook "${webhook.name}" does not support dry run`);
    }
    const uid = this.#core().random.uuid();
    let response: AdmissionResponse;
    try {
      const answer = await this.#call(webhook, reviewOf(uid, scope, operation, object, old)).catch((error: Error) => {
        throw new Error(`failed to call webhook: ${error.message}`);
      });
      response = responseIn(answer, uid);
    } catch (error) {
      if (webhook.failurePolicy === 'Ignore') return undefined;
      throw internalError(`failed calling webhook "${webhook.name}": ${(error as Error).message}`);
    }
    for (const warning of response.warnings ?? []) scope.warn(warning);
    if (response.allowed !== true) throw denial(webhook, response);
    return response;
  }
}

/** @returns undefined without a patch, or when the webhook failed and may be ignored. @throws StatusError when it may not */
function patchIn(webhook: Webhook, response: AdmissionResponse): unknown[] | undefined {
  if (response.patch === undefined) return undefined;
  try {
    const patch: unknown = JSON.parse(Buffer.from(response.patch, 'base64').toString());
    if (!Array.isArray(patch)) throw new Error(`json: cannot unmarshal ${typeof patch} into Go value of type jsonpatch.Patch`);
    return patch;
  } catch (error) {
    if (webhook.failurePolicy === 'Ignore') return undefined;
    const why = `received undecodable patch in webhook response: ${(error as Error).message}`;
    throw internalError(`failed calling webhook "${webhook.name}": ${why}`);
  }
}

/** @throws StatusError 500: it is not the writer's fault what webhooks make of an object */
function decodeMutated(scope: Scope, value: KubernetesObject): KubernetesObject {
  try {
    return scope.resource.model.decode(value).object;
  } catch (error) {
    throw internalError((error as Error).message.replace(/^\S+ in version "[^"]*" cannot be handled as a \S+: /, ''));
  }
}

/** @throws Error for an answer that is no AdmissionReview of this request */
function responseIn(answer: unknown, uid: string): AdmissionResponse {
  const { kind, apiVersion, response } = (answer ?? {}) as { kind?: string; apiVersion?: string; response?: AdmissionResponse };
  const isNamed = kind !== undefined && (kind !== 'AdmissionReview' || apiVersion !== 'admission.k8s.io/v1');
  if (isNamed) {
    const found = `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion ?? '')}`;
    throw new Error(`failed to call webhook: ${found} in scheme "pkg/runtime/scheme.go:110"`);
  }
  const refuse = (why: string) => new Error(`received invalid webhook response: ${why}`);
  if (response === undefined || response === null) throw refuse('webhook response was absent');
  if (response.uid !== uid) throw refuse(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? '')}`);
  if (response.patch !== undefined && response.patchType === undefined)
    throw refuse('webhook returned response.patch but not response.patchType');
  return response;
}

/** What a webhook says goes out as it said it; codes that are no failure become 400. */
function denial(webhook: Webhook, { status }: AdmissionResponse): StatusError {
  const why = status?.message
    ? `denied the request: ${status.message}`
    : status?.reason
      ? `denied the request: ${status.reason}`
      : 'denied the request without explanation';
  const code = status?.code !== undefined && status.code >= 400 && status.code < 600 ? status.code : 400;
  const shape = plainFailure(code, `admission webhook "${webhook.name}" ${why}`).status;
  return new StatusError({ ...shape, ...(status?.reason ? { reason: status.reason } : {}) });
}

/** A connection has none: what it asks for is its object. */
const OPTIONS = { CREATE: 'CreateOptions', UPDATE: 'UpdateOptions', DELETE: 'DeleteOptions' } as const;

function reviewOf(
  uid: string,
  scope: Scope,
  operation: Operation,
  object: KubernetesObject | undefined,
  old: KubernetesObject | undefined,
): object {
  const { gvk, gvr } = scope.resource;
  const { username, groups, extra, uid: userUid } = scope.user;
  const request = {
    uid,
    kind: gvk,
    resource: gvr,
    ...(scope.subresource === '' ? {} : { subResource: scope.subresource, requestSubResource: scope.subresource }),
    requestKind: gvk,
    requestResource: gvr,
    name: object?.metadata?.name ?? old?.metadata.name ?? scope.name,
    ...(scope.namespace === '' ? {} : { namespace: scope.namespace }),
    operation,
    userInfo: { username, groups, ...(userUid === undefined ? {} : { uid: userUid }), ...(extra === undefined ? {} : { extra }) },
    object: object ?? null,
    oldObject: old ?? null,
    dryRun: scope.dryRun,
    options:
      operation === 'CONNECT'
        ? null
        : { kind: OPTIONS[operation], apiVersion: 'meta.k8s.io/v1', ...(scope.dryRun ? { dryRun: ['All'] } : {}) },
  };
  return { kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', request };
}

function pick<T extends object, K extends keyof T>(from: T, fields: readonly K[]): Pick<T, K> {
  return Object.fromEntries(fields.filter((field) => from[field] !== undefined).map((field) => [field, from[field]])) as Pick<T, K>;
}
