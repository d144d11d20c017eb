import { forbidden, type KubernetesObject } from '@palisade/kubernetes';
import type { UserInfo } from '../../contract.ts';
import type { Scope } from '../core.ts';
import type { Attributes, Authorizer } from './authorizer.ts';
import { covers, type PolicyRule, type RbacAuthorizer } from './rbac.ts';

const GROUP = 'rbac.authorization.k8s.io';

/**
 * Nobody gives away what they do not have: who writes a role, or binds one, must hold every right in it, or be allowed the verbs
 * `escalate` or `bind` on it (Kubernetes RBAC, "Privilege escalation prevention").
 *
 * @throws StatusError 403
 */
export function refuseEscalation(scope: Scope, object: KubernetesObject, authorizer: Authorizer, rbac: RbacAuthorizer): void {
  const { gvr } = scope.resource;
  if (gvr.group !== GROUP || scope.subresource !== '') return;
  const namespace = scope.namespace;
  const name = object.metadata.name ?? '';
  const mayDo = (verb: string, resource: string, target: string, at: string) =>
    authorizer.authorize({
      user: scope.user,
      verb,
      path: '',
      resource: { group: GROUP, version: gvr.version, resource, subresource: '', namespace: at, name: target },
    }).allowed;
  let wanted: readonly PolicyRule[];
  if (gvr.resource === 'roles' || gvr.resource === 'clusterroles') {
    if (mayDo('escalate', gvr.resource, name, namespace)) return;
    wanted = (object['rules'] as PolicyRule[] | null | undefined) ?? [];
    // Whoever makes an aggregating role decides what flows into it from roles yet to come.
    if (object['aggregationRule'] !== undefined) wanted = [...wanted, { verbs: ['*'], apiGroups: ['*'], resources: ['*'] }];
  } else {
    const { kind, name: role } = object['roleRef'] ?? {};
    if (mayDo('bind', kind === 'Role' ? 'roles' : 'clusterroles', role, namespace)) return;
    wanted = rbac.roleRules(kind, role, namespace);
  }
  const missing = wanted.filter((rule) => !holds(scope.user, rule, namespace, rbac));
  if (missing.length === 0) return;
  const list = missing.map((rule) => JSON.stringify(rule)).join('\n');
  const why = `user ${JSON.stringify(scope.user.username)} (groups=${JSON.stringify(scope.user.groups)}) is attempting to grant RBAC permissions not currently held:\n${list}`;
  throw forbidden(gvr, name, why);
}

/**
 * Who patches by apply makes what is not there: that takes the verb `create` too.
 *
 * @throws StatusError 403
 */
export function requireCreate({ user, resource: { gvr }, namespace, name }: Scope, authorizer: Authorizer): void {
  const { allowed, reason } = authorizer.authorize({
    user,
    verb: 'create',
    path: '',
    resource: { ...gvr, subresource: '', namespace, name },
  });
  if (!allowed) throw forbidden(gvr, name, reason);
}

/** Whether some rule of the user covers each single right in `rule`. A star is covered by a star alone. */
function holds(user: UserInfo, rule: PolicyRule, namespace: string, rbac: RbacAuthorizer): boolean {
  if (user.groups.includes('system:masters')) return true;
  const own = [...rbac.rulesOf(user, namespace)];
  const covered = (attributes: Attributes) => own.some((one) => covers(one, attributes));
  for (const verb of rule.verbs) {
    for (const url of rule.nonResourceURLs ?? []) if (!own.some((one) => covers(one, { user, verb, path: url }))) return false;
    for (const group of rule.apiGroups ?? []) {
      for (const asked of rule.resources ?? []) {
        const [resource = '', subresource = ''] = asked.split('/');
        for (const name of rule.resourceNames?.length ? rule.resourceNames : ['']) {
          if (!covered({ user, verb, path: '', resource: { group, version: '*', resource, subresource, namespace, name } })) return false;
        }
      }
    }
  }
  return true;
}
