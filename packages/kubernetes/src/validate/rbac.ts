import type { Struct } from '../defaults/value.ts';
import { equalJson } from '../patch/own-keys.ts';
import type { Findings } from './findings.ts';
import { checkDns1123Subdomain, checkPathSegment } from './names.ts';

/** RBAC objects (kubernetes `pkg/apis/rbac/validation`). */

const rbacGroup = 'rbac.authorization.k8s.io';

function validateRules(f: Findings, rules: readonly Struct[], namespaced: boolean): void {
  for (const [i, rule] of rules.entries()) {
    const at = `rules[${i}]`;
    const [groups, resources, urls]: (readonly string[])[] = [
      rule['apiGroups'] ?? [],
      rule['resources'] ?? [],
      rule['nonResourceURLs'] ?? [],
    ];
    if ((rule['verbs'] ?? []).length === 0) f.required(`${at}.verbs`, 'verbs must contain at least one value');
    if (urls!.length > 0) {
      if (namespaced) f.invalid(`${at}.nonResourceURLs`, urls, 'namespaced rules cannot apply to non-resource URLs');
      if (groups!.length + resources!.length + (rule['resourceNames'] ?? []).length > 0) {
        f.invalid(`${at}.nonResourceURLs`, urls, 'rules cannot apply to both regular resources and non-resource URLs');
      }
      continue;
    }
    if (groups!.length === 0) f.required(`${at}.apiGroups`, 'resource rules must supply at least one api group');
    if (resources!.length === 0) f.required(`${at}.resources`, 'resource rules must supply at least one resource');
  }
}

export const validateRole = (f: Findings, object: Struct): void => validateRules(f, object['rules'] ?? [], true);

/** With an aggregation rule the controller owns the rules. */
export const validateClusterRole = (f: Findings, object: Struct): void => {
  if (object['aggregationRule'] !== undefined && (object['aggregationRule'].clusterRoleSelectors ?? []).length === 0) {
    const why = 'at least one clusterRoleSelector required if aggregationRule is non-nil';
    f.required('aggregationRule.clusterRoleSelectors', why);
  }
  validateRules(f, object['rules'] ?? [], false);
};

function validateSubject(f: Findings, at: string, subject: Struct, namespaced: boolean): void {
  const [kind, group]: string[] = [subject['kind'] ?? '', subject['apiGroup'] ?? ''];
  if (!subject['name']) f.required(`${at}.name`);
  if (kind === 'ServiceAccount') {
    if (subject['name']) f.invalidEach(`${at}.name`, subject['name'], checkDns1123Subdomain(subject['name']));
    if (group !== '') f.notSupported(`${at}.apiGroup`, group, ['']);
    if (!namespaced && !subject['namespace']) f.required(`${at}.namespace`);
  } else if (kind === 'User' || kind === 'Group') {
    if (group !== rbacGroup) f.notSupported(`${at}.apiGroup`, group, [rbacGroup]);
  } else f.notSupported(`${at}.kind`, kind, ['ServiceAccount', 'User', 'Group']);
}

function validateBinding(f: Findings, object: Struct, kinds: readonly string[], namespaced: boolean): void {
  const role: Struct = object['roleRef'] ?? {};
  if (role['apiGroup'] !== rbacGroup) f.notSupported('roleRef.apiGroup', role['apiGroup'] ?? '', [rbacGroup]);
  if (!kinds.includes(role['kind'])) f.notSupported('roleRef.kind', role['kind'] ?? '', kinds);
  if (!role['name']) f.required('roleRef.name');
  else f.invalidEach('roleRef.name', role['name'], checkPathSegment(role['name']));
  for (const [i, subject] of ((object['subjects'] ?? []) as Struct[]).entries()) validateSubject(f, `subjects[${i}]`, subject, namespaced);
}

export const validateRoleBinding = (f: Findings, object: Struct): void => validateBinding(f, object, ['Role', 'ClusterRole'], true);
export const validateClusterRoleBinding = (f: Findings, object: Struct): void => validateBinding(f, object, ['ClusterRole'], false);

export function validateRoleRefUpdate(f: Findings, object: Struct, old: Struct): void {
  if (!equalJson(object['roleRef'], old['roleRef'])) {
    const { apiGroup = '', kind = '', name = '' } = object['roleRef'] ?? {};
    // As Go prints its internal type.
    f.invalid('roleRef', { APIGroup: apiGroup, Kind: kind, Name: name }, 'cannot change roleRef');
  }
}
