import type { UserInfo } from '../../contract.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { Attributes, Authorizer, Decision } from './authorizer.ts';

const GROUP = 'rbac.authorization.k8s.io';

export interface PolicyRule {
  readonly verbs: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
}

interface Subject {
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
}

interface AppliedRule {
  readonly rule: PolicyRule;
  /** Named in the reason. */
  readonly source: string;
}

/** What a SelfSubjectRulesReview answers with. */
export interface RulesResolver {
  rulesFor(user: UserInfo, namespace: string): object;
}

/**
 * RBAC (rbac.authorization.k8s.io/v1) over the stored roles and bindings: allowed when some rule of some role bound to the user,
 * one of the user's groups or the user's service account covers the request. There are no denials.
 */
export class RbacAuthorizer implements Authorizer, RulesResolver {
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  authorize(attributes: Attributes): Decision {
    const namespace = attributes.resource?.namespace ?? '';
    const missing = new Set<string>();
    for (const { rule, source } of this.#rules(attributes.user, namespace, (what) => missing.add(what))) {
      if (covers(rule, attributes)) return { allowed: true, reason: `RBAC: allowed by ${source}` };
    }
    const texts = [...missing];
    return { allowed: false, reason: texts.length === 0 ? '' : `RBAC: ${texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`}` };
  }

  rulesFor(user: UserInfo, namespace: string): object {
    const rules = [...this.#rules(user, namespace)].map(({ rule }) => rule);
    if (user.groups.includes('system:masters')) {
      rules.push({ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, { verbs: ['*'], nonResourceURLs: ['*'] });
    }
    return {
      resourceRules: rules
        .filter((rule) => (rule.resources?.length ?? 0) > 0)
        .map(({ verbs, apiGroups, resources, resourceNames }) => ({
          verbs,
          apiGroups,
          resources,
          ...(resourceNames ? { resourceNames } : {}),
        })),
      nonResourceRules: rules
        .filter((rule) => (rule.nonResourceURLs?.length ?? 0) > 0)
        .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
      incomplete: false,
    };
  }

  /** Every rule the user has in a namespace, or for an empty one in the whole cluster. */
  *rulesOf(user: UserInfo, namespace: string): IterableIterator<PolicyRule> {
    for (const { rule } of this.#rules(user, namespace)) yield rule;
  }

  /** @param report takes the roles that bindings of the user name and that are not there */
  *#rules(user: UserInfo, namespace: string, report: (what: string) => void = () => {}): IterableIterator<AppliedRule> {
    for (const { object, name } of this.#store.list(`clusterrolebindings.${GROUP}`)) {
      const subject = (object['subjects'] as Subject[] | undefined)?.find((one) => applies(one, user, ''));
      if (subject === undefined) continue;
      const role = object['roleRef']?.name;
      if (this.#store.get(`clusterroles.${GROUP}`, '', role) === undefined) report(`clusterrole.${GROUP} "${role}" not found`);
      const source = `ClusterRoleBinding "${name}" of ClusterRole "${role}" to ${describe(subject)}`;
      for (const rule of this.roleRules('ClusterRole', role, '')) yield { rule, source };
    }
    if (namespace === '') return;
    for (const { object, name } of this.#store.list(`rolebindings.${GROUP}`, namespace)) {
      const subject = (object['subjects'] as Subject[] | undefined)?.find((one) => applies(one, user, namespace));
      if (subject === undefined) continue;
      const { kind, name: role } = object['roleRef'] ?? {};
      const stored =
        kind === 'Role' ? this.#store.get(`roles.${GROUP}`, namespace, role) : this.#store.get(`clusterroles.${GROUP}`, '', role);
      if (stored === undefined) report(`${kind === 'Role' ? 'role' : 'clusterrole'}.${GROUP} "${role}" not found`);
      const source = `RoleBinding "${name}/${namespace}" of ${kind} "${role}" to ${describe(subject)}`;
      // A RoleBinding never gives paths, not even those of a ClusterRole.
      for (const rule of this.roleRules(kind, role, namespace)) if (!rule.nonResourceURLs?.length) yield { rule, source };
    }
  }

  /** Rules of a role; those of an aggregating ClusterRole are put into it by a controller. */
  roleRules(kind: string, name: string, namespace: string): readonly PolicyRule[] {
    const role = kind === 'Role' ? this.#store.get(`roles.${GROUP}`, namespace, name) : this.#store.get(`clusterroles.${GROUP}`, '', name);
    return (role?.object['rules'] as PolicyRule[] | null | undefined) ?? [];
  }
}

function applies(subject: Subject, user: UserInfo, bindingNamespace: string): boolean {
  switch (subject.kind) {
    case 'User':
      return subject.name === user.username;
    case 'Group':
      return user.groups.includes(subject.name);
    case 'ServiceAccount': {
      const namespace = subject.namespace || bindingNamespace;
      return namespace !== '' && user.username === `system:serviceaccount:${namespace}:${subject.name}`;
    }
    default:
      return false;
  }
}

function describe({ kind, name, namespace }: Subject): string {
  return `${kind} "${namespace ? `${name}/${namespace}` : name}"`;
}

/** Whether one rule covers one request. */
export function covers(rule: PolicyRule, { verb, resource, path }: Attributes): boolean {
  if (!rule.verbs.includes('*') && !rule.verbs.includes(verb)) return false;
  if (resource === undefined)
    return (
      rule.nonResourceURLs?.some((url) => url === '*' || url === path || (url.endsWith('*') && path.startsWith(url.slice(0, -1)))) ?? false
    );
  if (!rule.apiGroups?.some((group) => group === '*' || group === resource.group)) return false;
  const asked = resource.subresource === '' ? resource.resource : `${resource.resource}/${resource.subresource}`;
  const coversResource = rule.resources?.some(
    (one) => one === '*' || one === asked || (resource.subresource !== '' && one === `*/${resource.subresource}`),
  );
  if (!coversResource) return false;
  return !rule.resourceNames?.length || rule.resourceNames.includes(resource.name);
}
