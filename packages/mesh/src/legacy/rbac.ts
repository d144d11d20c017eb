/**
 * rbac.istio.io/v1alpha1 as AuthorizationPolicies of one workload, so that compiler, evaluator and explanations are the same for both
 * generations. Paths are matched without their query, as from 1.5.
 */
import { type AuthorizationPolicy, AuthzAction, type Condition, type Operation, type Rule } from '../authz/policy.ts';
import {
  type AccessRule,
  type Constraint,
  isDestination,
  type RbacConfig,
  type ServiceRole,
  type ServiceRoleBinding,
  type Subject,
} from './rbac-resources.ts';

export interface LegacyRbac {
  readonly configs: readonly RbacConfig[];
  readonly roles: readonly ServiceRole[];
  readonly bindings: readonly ServiceRoleBinding[];
  /** What `source.principal: "*"` means: any peer with a certificate (default, 1.1), or anyone (1.4 and 1.5). */
  readonly starPrincipal?: 'authenticated' | 'anyone';
}

export interface LegacyWorkload {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly serviceAccount: string;
  readonly trustDomain: string;
  /** Fully qualified names of the services it stands behind. */
  readonly services: readonly string[];
}

/**
 * @returns no policies where access control is off; otherwise ALLOW policies, one a role, and one that allows nothing when no role
 * grants anything, so that everything else is denied
 */
export function translateLegacyRbac(
  { configs, roles, bindings, starPrincipal = 'authenticated' }: LegacyRbac,
  workload: LegacyWorkload,
): AuthorizationPolicy[] {
  const config = configs.find(({ isClusterWide }) => isClusterWide) ?? configs[0];
  if (config === undefined || !isEnabled(config, workload)) return [];
  const policies = roles
    .filter((role) => role.namespace === workload.namespace)
    .flatMap((role) => {
      const bound = bindings.filter((binding) => binding.namespace === role.namespace && binding.role === role.name);
      return [false, true].flatMap((isDryRun) => {
        const subjects = bound
          .filter(({ isPermissive }) => (isPermissive || config.isPermissive) === isDryRun)
          .flatMap((binding) => binding.subjects);
        const rules = role.rules
          .filter((rule) => concerns(rule, workload))
          .flatMap((rule) => subjects.flatMap((subject) => translateRule(rule, subject, starPrincipal)));
        return rules.length === 0 ? [] : [policyOf('ServiceRole', role.namespace, role.name, isDryRun, rules)];
      });
    });
  const isDecided = policies.some(({ isDryRun }) => isDryRun === config.isPermissive);
  return isDecided ? policies : [...policies, policyOf('RbacConfig', workload.namespace, 'rbac-without-roles', config.isPermissive, [])];
}

function policyOf(
  writtenAs: 'ServiceRole' | 'RbacConfig',
  namespace: string,
  name: string,
  isDryRun: boolean,
  rules: readonly Rule[],
): AuthorizationPolicy {
  return { namespace, name, writtenAs, action: AuthzAction.allow, isDryRun, rules };
}

/** Inclusion and exclusion name services and namespaces exactly; a wildcard has no meaning there. */
export function isEnabled({ mode, services, namespaces }: RbacConfig, workload: Pick<LegacyWorkload, 'namespace' | 'services'>): boolean {
  const isListed = namespaces.includes(workload.namespace) || workload.services.some((service) => services.includes(service));
  return mode === 'ON' || (mode === 'ON_WITH_INCLUSION' && isListed) || (mode === 'ON_WITH_EXCLUSION' && !isListed);
}

function concerns(rule: AccessRule, workload: LegacyWorkload): boolean {
  const isNamed = workload.services.some((service) => rule.services.some((pattern) => matches(pattern, service)));
  return isNamed && rule.constraints.filter(({ key }) => isDestination(key)).every((constraint) => isMet(constraint, workload));
}

/** What is known of the workload decides now and does not reach the proxy. */
function isMet({ key, values }: Constraint, workload: LegacyWorkload): boolean {
  const label = /^destination\.labels\[(.+)\]$/.exec(key)?.[1];
  const known: Readonly<Record<string, readonly string[]>> = {
    'destination.name': workload.services.map((service) => service.split('.')[0]!),
    'destination.namespace': [workload.namespace],
    'destination.user': [workload.serviceAccount, `${workload.trustDomain}/ns/${workload.namespace}/sa/${workload.serviceAccount}`],
  };
  const facts = label === undefined ? (known[key] ?? []) : Object.hasOwn(workload.labels, label) ? [workload.labels[label]!] : [];
  return facts.some((fact) => values.some((pattern) => matches(pattern, fact)));
}

function matches(pattern: string, text: string): boolean {
  if (pattern === '*') return true;
  if (pattern.startsWith('*')) return text.endsWith(pattern.slice(1));
  return pattern.endsWith('*') ? text.startsWith(pattern.slice(0, -1)) : text === pattern;
}

/** A subject that says nothing is nobody: no rule. */
function translateRule(rule: AccessRule, subject: Subject, starPrincipal: LegacyRbac['starPrincipal']): Rule[] {
  const { user, group, properties } = subject;
  const isAnyone = (key: string, value: string) => starPrincipal === 'anyone' && key === 'source.principal' && value === '*';
  if (user === undefined && group === undefined && properties.length === 0) return [];
  const condition = (key: string, values: readonly string[]): Condition => ({ key, values, notValues: [] });
  const when = [
    ...rule.constraints.filter(({ key }) => !isDestination(key)).map(({ key, values }) => condition(key, values)),
    ...(user === undefined || user === '*' ? [] : [condition('source.principal', [user])]),
    ...(group === undefined ? [] : [condition('request.auth.claims[groups]', [group])]),
    ...properties.filter(([key, value]) => !isAnyone(key, value)).map(([key, value]) => condition(key, [value])),
  ];
  const only = (values: readonly string[]) => ({ values, notValues: [] });
  const operation: Operation = { hosts: only([]), ports: only([]), methods: only(rule.methods), paths: only(rule.paths) };
  const asksOperation = rule.methods.length + rule.paths.length > 0;
  return [{ from: [], to: asksOperation ? [operation] : [], when }];
}

/** One of today's policies on a workload switches the old access control off for it, as Istio 1.4 and 1.5 did. */
export function combineGenerations(
  today: readonly AuthorizationPolicy[],
  legacy: readonly AuthorizationPolicy[],
): { readonly policies: readonly AuthorizationPolicy[]; readonly warning?: string } {
  if (today.length === 0 || legacy.length === 0) return { policies: [...today, ...legacy] };
  const names = today.map(({ namespace, name }) => `${namespace}/${name}`).join(', ');
  return { policies: today, warning: `ServiceRoles are ignored here: AuthorizationPolicy ${names} applies to the same workload` };
}
