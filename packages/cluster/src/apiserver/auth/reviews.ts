import { badRequest, invalid, type KubernetesObject } from '@palisade/kubernetes';
import type { UserInfo } from '../../contract.ts';
import type { Core, Scope } from '../core.ts';
import { decodeBody, type ParsedBody } from '../registry/decode-body.ts';
import { recordManagers } from '../registry/managers.ts';
import { formatTime } from '../registry/time.ts';
import type { Attributes, Authorizer } from './authorizer.ts';
import type { RulesResolver } from './rbac.ts';
import type { TokenService } from './service-account-tokens.ts';

export interface ReviewServices {
  readonly authorizer: Authorizer;
  readonly rules: RulesResolver;
  readonly tokens: TokenService;
}

/** Resources that answer a question and store nothing; undefined when `resource` is none of them. */
export async function answerReview(
  core: Core,
  scope: Scope,
  services: ReviewServices,
  body: ParsedBody,
): Promise<KubernetesObject | undefined> {
  const { gvk } = scope.resource;
  if (gvk.group !== 'authorization.k8s.io' && gvk.group !== 'authentication.k8s.io') return undefined;
  const review = decodeBody(core, scope, gvk, body);
  const spec = review['spec'] ?? {};
  recordManagers(core, scope, scope.resource.model.empty(), review, undefined);
  const answer = (status: object): KubernetesObject => ({ ...review, spec, status });
  if (gvk.group === 'authorization.k8s.io') checkQuestion(review, gvk.kind);
  switch (gvk.kind) {
    case 'SelfSubjectAccessReview':
      return answer(accessStatus(services.authorizer, scope.user, spec));
    case 'SubjectAccessReview':
    case 'LocalSubjectAccessReview':
      return answer(
        accessStatus(services.authorizer, { username: spec.user ?? '', groups: spec.groups ?? [], extra: spec.extra ?? {} }, spec),
      );
    case 'SelfSubjectRulesReview':
      return answer(services.rules.rulesFor(scope.user, spec.namespace ?? ''));
    case 'SelfSubjectReview':
      return { ...review, metadata: { creationTimestamp: formatTime(core.clock()) }, status: { userInfo: userInfo(scope.user) } };
    case 'TokenReview':
      if (!spec.token) throw badRequest('token is required for TokenReview in authentication');
      return answer(await tokenStatus(services.tokens, spec));
    default:
      return undefined;
  }
}

/** @throws StatusError 400, 422 for a review that asks nothing, or two things at once */
function checkQuestion(review: KubernetesObject, kind: string): void {
  const spec = review['spec'] ?? {};
  const refuse = (field: string, message: string) =>
    invalid({ group: 'authorization.k8s.io', kind: '' }, '', [{ reason: 'FieldValueInvalid', message, field }]);
  if (kind === 'SelfSubjectRulesReview') {
    if (!spec.namespace) throw badRequest('no namespace on request');
    return;
  }
  const { resourceAttributes: resource, nonResourceAttributes: path } = spec;
  if (resource !== undefined && path !== undefined) {
    const shown = JSON.stringify({ Path: path.path ?? '', Verb: path.verb ?? '' });
    throw refuse('spec.nonResourceAttributes', `Invalid value: ${shown}: cannot be specified in combination with resourceAttributes`);
  }
  if (resource === undefined && path === undefined) {
    const why = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
    throw refuse('spec.resourceAttributes', `Invalid value: null: ${why}`);
  }
  if (kind !== 'SelfSubjectAccessReview' && !spec.user && !spec.groups?.length)
    throw refuse('spec.user', 'Invalid value: "": at least one of user or group must be specified');
  if (kind === 'LocalSubjectAccessReview' && resource?.namespace !== review.metadata.namespace) {
    throw refuse(
      'spec.resourceAttributes.namespace',
      `Invalid value: ${JSON.stringify(resource?.namespace ?? '')}: must match metadata.namespace`,
    );
  }
}

// biome-ignore lint/suspicious/noExplicitAny: a decoded review's spec
function accessStatus(authorizer: Authorizer, user: UserInfo, spec: any): object {
  const { resourceAttributes: asked, nonResourceAttributes: path } = spec;
  const attributes: Attributes =
    asked !== undefined
      ? {
          user,
          verb: asked.verb ?? '',
          path: '',
          resource: {
            group: asked.group ?? '',
            version: asked.version ?? '',
            resource: asked.resource ?? '',
            subresource: asked.subresource ?? '',
            namespace: asked.namespace ?? '',
            name: asked.name ?? '',
          },
        }
      : { user, verb: path?.verb ?? '', path: path?.path ?? '' };
  const { allowed, reason } = authorizer.authorize(attributes);
  return { allowed, ...(reason === '' ? {} : { reason }) };
}

// biome-ignore lint/suspicious/noExplicitAny: a decoded review's spec
async function tokenStatus(tokens: TokenService, spec: any): Promise<object> {
  const audiences: string[] = spec.audiences?.length > 0 ? spec.audiences : [tokens.issuer];
  const verified = await tokens.verify(spec.token ?? '', audiences);
  if (!verified.ok) {
    const what = 'invalid bearer token';
    return { user: {}, error: verified.reason === undefined ? what : `[${what}, ${verified.reason}]` };
  }
  return { authenticated: true, user: userInfo(verified.user), audiences: verified.audiences };
}

function userInfo({ username, uid, groups, extra }: UserInfo): object {
  return { username, ...(uid === undefined ? {} : { uid }), groups, ...(extra === undefined ? {} : { extra }) };
}
