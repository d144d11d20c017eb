/**
 * RBAC v1alpha1 into today's AuthorizationPolicies, for people who migrate. The strict style keeps every verdict; the `istioctl` style
 * writes what `istioctl` 1.5 wrote, whose verdicts differ: a user beside `source.principal` no longer counts, `*` of anything but a principal
 * is dropped, groups are looked for in claim `group` instead of `groups`, and a role for a service where access control is off switches
 * it on.
 */

import { isEnabled, type LegacyRbac } from './rbac.ts';
import {
  type AccessRule,
  type Constraint,
  isDestination,
  type ServiceRole,
  type ServiceRoleBinding,
  type Subject,
} from './rbac-resources.ts';

export type ConversionStyle = 'strict' | 'istioctl';

export interface ConvertibleService {
  readonly namespace: string;
  readonly name: string;
  /** Fully qualified. */
  readonly hostname: string;
  readonly selector: Readonly<Record<string, string>>;
}

export interface ConversionOptions {
  readonly rootNamespace: string;
  readonly style: ConversionStyle;
  /** Convert roles although no RbacConfig switches access control on. */
  readonly isConfigOptional: boolean;
}

export interface ConvertedPolicy {
  readonly apiVersion: 'security.istio.io/v1';
  readonly kind: 'AuthorizationPolicy';
  readonly metadata: { readonly name: string; readonly namespace: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: { readonly selector?: { readonly matchLabels: Readonly<Record<string, string>> }; readonly rules?: readonly object[] };
}

export interface Conversion {
  readonly policies: readonly ConvertedPolicy[];
  /** What cannot be converted, one sentence each. With any of them the policies are not the whole meaning. */
  readonly problems: readonly string[];
}

export function convertLegacyRbac(rbac: LegacyRbac, services: readonly ConvertibleService[], options: ConversionOptions): Conversion {
  const problems: string[] = [];
  const config = rbac.configs.find(({ isClusterWide }) => isClusterWide) ?? rbac.configs[0];
  if (config === undefined && !options.isConfigOptional)
    problems.push('there is no ClusterRbacConfig: access control is off, and the roles decide nothing');
  const isPermissive = config?.isPermissive ?? false;
  // A policy would switch access control on where it is off.
  const isGuarded = ({ namespace, hostname }: ConvertibleService) =>
    options.style === 'istioctl' || config === undefined || isEnabled(config, { namespace, services: [hostname] });
  const guarded = services.filter(isGuarded);
  const roles = rbac.roles.flatMap((role) => convertRole(role, rbac.bindings, { all: services, guarded }, isPermissive, options, problems));
  const defaults = config === undefined ? [] : convertConfig(config, services, options.rootNamespace, problems);
  return { policies: [...defaults, ...roles], problems };
}

function policy(namespace: string, name: string, spec: ConvertedPolicy['spec'], isDryRun: boolean): ConvertedPolicy {
  const annotations = isDryRun ? { annotations: { 'istio.io/dry-run': 'true' } } : {};
  return { apiVersion: 'security.istio.io/v1', kind: 'AuthorizationPolicy', metadata: { name, namespace, ...annotations }, spec };
}

const denyAll = {};
const allowAll = { rules: [{}] };

/** What holds where no role speaks: denial where access control is on, an open door where it is not and something wider denies. */
function convertConfig(
  config: LegacyRbac['configs'][number],
  services: readonly ConvertibleService[],
  root: string,
  problems: string[],
): ConvertedPolicy[] {
  const { mode, isPermissive } = config;
  const globally = (verdict: 'allow' | 'deny') =>
    policy(root, `generated-global-${verdict}-all`, verdict === 'allow' ? allowAll : denyAll, isPermissive);
  if (mode === 'OFF') return [globally('allow')];
  if (mode === 'ON') return [globally('deny')];
  const verdict = mode === 'ON_WITH_INCLUSION' ? 'deny' : 'allow';
  const spec = verdict === 'deny' ? denyAll : allowAll;
  const ofNamespaces = config.namespaces.map((namespace) => policy(namespace, `generated-namespace-${verdict}-all`, spec, isPermissive));
  const ofServices = config.services.flatMap((hostname) => {
    const service = services.find((candidate) => candidate.hostname === hostname);
    if (service === undefined) {
      problems.push(`service "${hostname}" of the RbacConfig does not exist`);
      return [];
    }
    const own = { ...spec, selector: { matchLabels: service.selector } };
    return [policy(service.namespace, `generated-service-${service.name}-${verdict}-all`, own, isPermissive)];
  });
  return [...(verdict === 'allow' ? [globally('deny')] : []), ...ofNamespaces, ...ofServices];
}

function convertRole(
  role: ServiceRole,
  bindings: readonly ServiceRoleBinding[],
  services: { readonly all: readonly ConvertibleService[]; readonly guarded: readonly ConvertibleService[] },
  isConfigPermissive: boolean,
  options: ConversionOptions,
  problems: string[],
): ConvertedPolicy[] {
  const bound = bindings.filter((binding) => binding.namespace === role.namespace && binding.role === role.name);
  const isOwn = (service: ConvertibleService) => service.namespace === role.namespace;
  const [known, guarded] = [services.all.filter(isOwn), services.guarded.filter(isOwn)];
  return role.rules.flatMap((rule, ruleIndex) => {
    const where = `ServiceRole ${role.namespace}/${role.name}, rule ${ruleIndex}`;
    const foreign = rule.constraints.find(({ key }) => isDestination(key) && !key.startsWith('destination.labels['));
    if (foreign !== undefined) {
      problems.push(`${where}: constraint "${foreign.key}" has no counterpart in a selector`);
      return [];
    }
    return rule.services.flatMap((pattern, serviceIndex) => {
      const isNamed = ({ hostname, name }: ConvertibleService) => name === pattern || matches(pattern, hostname);
      if (pattern !== '*' && !known.some(isNamed)) problems.push(`${where}: no service fits "${pattern}"`);
      const isUnselected = pattern === '*' && options.style === 'istioctl';
      const bases = isUnselected ? [{}] : guarded.filter(isNamed).map(({ selector }) => selector);
      const targets = withLabels(bases, rule.constraints, where, problems);
      return targets.flatMap((matchLabels, targetIndex) =>
        [false, true].flatMap((isDryRun) => {
          const subjects = bound
            .filter((binding) => (binding.isPermissive || isConfigPermissive) === isDryRun)
            .flatMap((binding) => binding.subjects);
          const rules = subjects.flatMap((subject) => convertRule(rule, subject, options.style));
          const name = `generated-${role.name}-rule${ruleIndex}-svc${serviceIndex}-target${targetIndex}${isDryRun ? '-dry-run' : ''}`;
          const selector = Object.keys(matchLabels).length === 0 ? {} : { selector: { matchLabels } };
          return rules.length === 0 ? [] : [policy(role.namespace, name, { rules, ...selector }, isDryRun)];
        }),
      );
    });
  });
}

/** Each selector with every combination of the label constraints' values. */
function withLabels(
  bases: readonly Readonly<Record<string, string>>[],
  constraints: readonly Constraint[],
  where: string,
  problems: string[],
) {
  return constraints.reduce((selectors, { key, values }) => {
    const label = /^destination\.labels\[(.+)\]$/.exec(key)?.[1];
    if (label === undefined) return selectors;
    const pattern = values.find((value) => value.includes('*'));
    if (pattern !== undefined) problems.push(`${where}: "${pattern}" of ${key} is a pattern; a selector compares exactly`);
    return selectors.flatMap((selector) => values.map((value) => ({ ...selector, [label]: value })));
  }, bases);
}

function matches(pattern: string, text: string): boolean {
  if (pattern === '*') return true;
  if (pattern.startsWith('*')) return text.endsWith(pattern.slice(1));
  return pattern.endsWith('*') ? text.startsWith(pattern.slice(0, -1)) : text === pattern;
}

/** Source fields that say the same as a condition. */
const sourceFields: Readonly<Record<string, string>> = {
  'source.ip': 'ipBlocks',
  'source.namespace': 'namespaces',
  'request.auth.principal': 'requestPrincipals',
};

function convertRule(rule: AccessRule, subject: Subject, style: ConversionStyle): object[] {
  if (subject.user === undefined && subject.group === undefined && subject.properties.length === 0) return [];
  const isLoose = style === 'istioctl';
  const meansSomething = (key: string, values: readonly string[]) => !(isLoose && key !== 'source.principal' && values.includes('*'));
  const principal = subject.properties.find(([key]) => key === 'source.principal')?.[1];
  const properties = subject.properties
    .map(([key, value]) => ({ key, values: [value] as readonly string[] }))
    .filter(({ key, values }) => meansSomething(key, values));
  const users = [
    ...(subject.user === undefined || subject.user === '*' ? [] : [subject.user]),
    ...(isLoose && principal !== undefined ? [principal] : []),
  ];
  const source = Object.fromEntries([
    ...(users.length > 0 ? [['principals', users]] : []),
    ...properties.flatMap(({ key, values }) => (sourceFields[key] === undefined ? [] : [[sourceFields[key], values]])),
  ]);
  const group =
    subject.group === undefined ? [] : [{ key: `request.auth.claims[${isLoose ? 'group' : 'groups'}]`, values: [subject.group] }];
  const isWhen = (key: string) => sourceFields[key] === undefined && key !== 'destination.port' && !isDestination(key);
  const when = [...rule.constraints, ...group, ...properties]
    .filter(
      ({ key, values }) => isWhen(key) && meansSomething(key, values) && !(isLoose && key === 'source.principal' && values.includes('*')),
    )
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const ports = rule.constraints.find(({ key }) => key === 'destination.port')?.values ?? [];
  const asked = Object.entries({ methods: rule.methods, paths: rule.paths, ports }).filter(
    ([, values]) => values.length > 0 && !(isLoose && values.includes('*')),
  );
  return [
    {
      ...(Object.keys(source).length > 0 ? { from: [{ source }] } : {}),
      ...(asked.length > 0 ? { to: [{ operation: Object.fromEntries(asked) }] } : {}),
      ...(when.length > 0 ? { when: when.map(({ key, values }) => ({ key, values })) } : {}),
    },
  ];
}
