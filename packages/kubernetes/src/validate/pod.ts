import type { Struct } from '../defaults/value.ts';
import { equalJson } from '../patch/own-keys.ts';
import { validateIp } from './addresses.ts';
import { validateContainers } from './container.ts';
import type { Findings } from './findings.ts';
import { validateLabelSelector } from './label-selector.ts';
import { validateAnnotations, validateLabels } from './meta.ts';
import { checkDns1123Label, checkDns1123Subdomain, checkLabelValue, checkQualifiedName } from './names.ts';
import { validateVolumes } from './volumes.ts';

const restartPolicies = ['Always', 'OnFailure', 'Never'];
const dnsPolicies = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];
const taintEffects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];
const nodeOperators = ['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt'];

function validateToleration(f: Findings, at: string, toleration: Struct): void {
  const { key = '', operator = '', value = '', effect = '', tolerationSeconds } = toleration;
  if (key !== '') f.invalidEach(`${at}.key`, key, checkQualifiedName(key));
  if (key === '' && operator !== 'Exists')
    f.invalid(`${at}.operator`, operator, 'operator must be Exists when `key` is empty, which means "match all values and all keys"');
  if (tolerationSeconds !== undefined && effect !== 'NoExecute')
    f.invalid(`${at}.effect`, effect, "effect must be 'NoExecute' when `tolerationSeconds` is set");
  if (operator === 'Equal' || operator === '') {
    const complaints = checkLabelValue(value);
    if (complaints.length > 0) f.invalid(`${at}.operator`, value, complaints.join(';'));
  } else if (operator === 'Exists') {
    if (value !== '') f.invalid(`${at}.operator`, value, "value must be empty when `operator` is 'Exists'");
  } else f.notSupported(`${at}.operator`, operator, ['Equal', 'Exists']);
  if (effect !== '' && !taintEffects.includes(effect)) f.notSupported(`${at}.effect`, effect, taintEffects);
}

function validateNodeTerms(f: Findings, at: string, terms: readonly Struct[]): void {
  for (const [i, term] of terms.entries()) {
    for (const [j, expression] of ((term['matchExpressions'] ?? []) as Struct[]).entries()) {
      const place = `${at}[${i}].matchExpressions[${j}]`;
      const values: readonly string[] = expression['values'] ?? [];
      const operator: string = expression['operator'] ?? '';
      if ((operator === 'In' || operator === 'NotIn') && values.length === 0)
        f.required(`${place}.values`, "must be specified when `operator` is 'In' or 'NotIn'");
      if ((operator === 'Exists' || operator === 'DoesNotExist') && values.length > 0)
        f.forbidden(`${place}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
      if (!nodeOperators.includes(operator)) f.invalid(`${place}.operator`, operator, 'not a valid selector operator');
      f.invalidEach(`${place}.key`, expression['key'] ?? '', checkQualifiedName(expression['key'] ?? ''));
    }
  }
}

function validatePodTerm(f: Findings, at: string, term: Struct): void {
  validateLabelSelector(f, `${at}.labelSelector`, term['labelSelector']);
  validateLabelSelector(f, `${at}.namespaceSelector`, term['namespaceSelector']);
  if (!term['topologyKey']) f.required(`${at}.topologyKey`, 'can not be empty');
  f.invalidEach(`${at}.topologyKey`, term['topologyKey'] ?? '', checkQualifiedName(term['topologyKey'] ?? ''));
}

const required = 'requiredDuringSchedulingIgnoredDuringExecution';
const preferred = 'preferredDuringSchedulingIgnoredDuringExecution';

function validateAffinity(f: Findings, field: string, affinity: Struct | undefined): void {
  if (!affinity) return;
  const node: Struct | undefined = affinity['nodeAffinity'];
  if (node?.[required]) {
    const terms: readonly Struct[] = node[required].nodeSelectorTerms ?? [];
    if (terms.length === 0) f.required(`${field}.nodeAffinity.${required}.nodeSelectorTerms`, 'must have at least one node selector term');
    validateNodeTerms(f, `${field}.nodeAffinity.${required}.nodeSelectorTerms`, terms);
  }
  for (const kind of ['podAffinity', 'podAntiAffinity']) {
    const at = `${field}.${kind}`;
    for (const [i, term] of ((affinity[kind]?.[required] ?? []) as Struct[]).entries()) validatePodTerm(f, `${at}.${required}[${i}]`, term);
    for (const [i, weighted] of ((affinity[kind]?.[preferred] ?? []) as Struct[]).entries()) {
      const weight: number = weighted['weight'] ?? 0;
      if (weight < 1 || weight > 100) f.invalid(`${at}.${preferred}[${i}].weight`, weight, 'must be in the range 1-100');
      validatePodTerm(f, `${at}.${preferred}[${i}].podAffinityTerm`, weighted['podAffinityTerm'] ?? {});
    }
  }
}

const sysctlName = /^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$/;
const sysctlText =
  'must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$';

function validateSpread(f: Findings, field: string, constraints: readonly Struct[]): void {
  for (const [i, constraint] of constraints.entries()) {
    const at = `${field}[${i}]`;
    const skew: number = constraint['maxSkew'] ?? 0;
    if (skew <= 0) f.invalid(`${at}.maxSkew`, skew, 'must be greater than zero');
    if (!constraint['topologyKey']) f.required(`${at}.topologyKey`, 'can not be empty');
    const action: string = constraint['whenUnsatisfiable'] ?? '';
    if (!['DoNotSchedule', 'ScheduleAnyway'].includes(action))
      f.notSupported(`${at}.whenUnsatisfiable`, action, ['DoNotSchedule', 'ScheduleAnyway']);
    validateLabelSelector(f, `${at}.labelSelector`, constraint['labelSelector']);
  }
}

function validateGates(f: Findings, field: string, gates: readonly Struct[]): void {
  const seen = new Set<string>();
  for (const [i, { name = '' }] of gates.entries()) {
    f.invalidEach(`${field}[${i}]`, name, checkQualifiedName(name));
    if (seen.has(name)) f.duplicate(`${field}[${i}]`, name);
    seen.add(name);
  }
}

/**
 * A pod spec, of a pod or of a template (kubernetes `pkg/apis/core/validation`, ValidatePodSpec).
 *
 * @param claims volumes that a StatefulSet adds from its claim templates
 */
export function validatePodSpec(f: Findings, field: string, spec: Struct, claims: readonly string[] = []): void {
  const volumes = validateVolumes(f, `${field}.volumes`, spec['volumes']);
  for (const claim of claims) volumes.add(claim);
  validateContainers(f, spec, field, { volumes, hostNetwork: spec['hostNetwork'] === true });
  f.oneOf(`${field}.restartPolicy`, spec['restartPolicy'], restartPolicies);
  f.oneOf(`${field}.dnsPolicy`, spec['dnsPolicy'], dnsPolicies);
  if (spec['dnsPolicy'] === 'None' && (spec['dnsConfig']?.nameservers ?? []).length === 0) {
    if (spec['dnsConfig'])
      f.required(`${field}.dnsConfig.nameservers`, 'must provide at least one DNS nameserver when `dnsPolicy` is None');
    else f.required(`${field}.dnsConfig`, 'must provide `dnsConfig` when `dnsPolicy` is None');
  }
  validateLabels(f, `${field}.nodeSelector`, spec['nodeSelector']);
  for (const name of ['runAsUser', 'runAsGroup', 'fsGroup'])
    f.nonNegative(`${field}.securityContext.${name}`, spec['securityContext']?.[name]);
  validateAffinity(f, `${field}.affinity`, spec['affinity']);
  for (const name of ['serviceAccountName', 'nodeName', 'priorityClassName', 'runtimeClassName']) {
    if (spec[name]) f.invalidEach(`${field}.${name}`, spec[name], checkDns1123Subdomain(spec[name]));
  }
  const deadline: number | undefined = spec['activeDeadlineSeconds'];
  if (deadline !== undefined && (deadline < 1 || deadline > 2 ** 31 - 1))
    f.invalid(`${field}.activeDeadlineSeconds`, deadline, 'must be between 1 and 2147483647, inclusive');
  for (const name of ['hostname', 'subdomain'])
    if (spec[name]) f.invalidEach(`${field}.${name}`, spec[name], checkDns1123Label(spec[name]));
  for (const [i, toleration] of ((spec['tolerations'] ?? []) as Struct[]).entries())
    validateToleration(f, `${field}.tolerations[${i}]`, toleration);
  validateSpread(f, `${field}.topologySpreadConstraints`, spec['topologySpreadConstraints'] ?? []);
  validateGates(f, `${field}.schedulingGates`, spec['schedulingGates'] ?? []);
  for (const [i, { name = '' }] of ((spec['securityContext']?.sysctls ?? []) as Struct[]).entries())
    if (!sysctlName.test(name)) f.invalid(`${field}.securityContext.sysctls[${i}].name`, name, sysctlText);
  for (const [i, alias] of ((spec['hostAliases'] ?? []) as Struct[]).entries()) {
    validateIp(f, `${field}.hostAliases[${i}].ip`, alias['ip'] ?? '');
    for (const [j, name] of ((alias['hostnames'] ?? []) as string[]).entries())
      f.invalidEach(`${field}.hostAliases[${i}].hostnames[${j}]`, name, checkDns1123Subdomain(name));
  }
}

export function validatePodTemplate(f: Findings, field: string, template: Struct, claims: readonly string[] = []): void {
  validateLabels(f, `${field}.metadata.labels`, template['metadata']?.labels);
  validateAnnotations(f, `${field}.metadata.annotations`, template['metadata']?.annotations);
  validatePodSpec(f, `${field}.spec`, template['spec'] ?? {}, claims);
  if ((template['spec']?.ephemeralContainers ?? []).length > 0)
    f.forbidden(`${field}.spec.ephemeralContainers`, 'ephemeral containers not allowed in pod template');
}

const podUpdateText =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

/** What a pod keeps for life: all of its spec but images, a shorter deadline and added tolerations. */
export function validatePodUpdate(f: Findings, pod: Struct, old: Struct): void {
  const frozen = (spec: Struct): Struct => {
    const without = (list: readonly Struct[] | undefined): unknown => list?.map(({ image: _, ...rest }) => rest);
    const { activeDeadlineSeconds: _d, tolerations: _t, ephemeralContainers: _e, ...rest } = spec;
    // The scheduler's binding is the one change of node; gates may only be taken away.
    const { nodeName: _n, schedulingGates: _g, ...kept } = rest;
    return { ...kept, containers: without(spec['containers']), initContainers: without(spec['initContainers']) };
  };
  const [spec, before]: Struct[] = [pod['spec'] ?? {}, old['spec'] ?? {}];
  const moved = (before!['nodeName'] ?? '') !== '' && before!['nodeName'] !== spec!['nodeName'];
  const lost = ((before!['tolerations'] ?? []) as Struct[]).some(
    (t) =>
      !((spec!['tolerations'] ?? []) as Struct[]).some((u) => equalJson({ ...t, tolerationSeconds: 0 }, { ...u, tolerationSeconds: 0 })),
  );
  const [deadline, was]: (number | undefined)[] = [spec!['activeDeadlineSeconds'], before!['activeDeadlineSeconds']];
  if (was !== undefined && deadline !== undefined && deadline > was)
    f.invalid('spec.activeDeadlineSeconds', deadline, 'must be less than or equal to previous value');
  if (lost) f.forbidden('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds');
  if (moved || !equalJson(plainJson(frozen(spec!)), plainJson(frozen(before!)))) f.forbidden('spec', podUpdateText);
}

/** Keys whose value is undefined do not count. */
const plainJson = (value: Struct): unknown => JSON.parse(JSON.stringify(value)) as unknown;
