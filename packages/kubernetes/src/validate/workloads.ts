import type { Struct } from '../defaults/value.ts';
import { equalJson } from '../patch/own-keys.ts';
import { matchLabelSelector } from '../selectors.ts';
import type { Findings } from './findings.ts';
import { isEmptySelector, isUsableSelector, validateLabelSelector } from './label-selector.ts';
import { validatePodTemplate } from './pod.ts';

/** Workloads of apps and batch: selectors, templates, strategies. */

const selectorMismatch = '`selector` does not match template `labels`';

/** Selector and template belong together: first the selector, then the template that it must match. */
function validateSelectedTemplate(f: Findings, spec: Struct, emptyText: string): void {
  const selector: Struct | undefined = spec['selector'];
  if (!selector) f.required('spec.selector');
  else {
    validateLabelSelector(f, 'spec.selector', selector);
    if (isEmptySelector(selector)) f.invalid('spec.selector', selector, emptyText);
    else if (!isUsableSelector(selector)) {
      f.invalid('spec.selector', selector, 'invalid label selector');
      return;
    }
  }
  const template: Struct = spec['template'] ?? {};
  const labels = template['metadata']?.labels;
  // No selector selects nothing, so it does not select the template either.
  if (!selector || !matchLabelSelector(selector, labels)) f.invalid('spec.template.metadata.labels', labels ?? null, selectorMismatch);
  const claims = ((spec['volumeClaimTemplates'] ?? []) as Struct[]).map((claim) => String(claim['metadata']?.name ?? ''));
  validatePodTemplate(f, 'spec.template', template, claims);
  const restartPolicy: string = template['spec']?.restartPolicy ?? '';
  if (restartPolicy !== 'Always') f.notSupported('spec.template.spec.restartPolicy', restartPolicy, ['Always']);
  if (template['spec']?.activeDeadlineSeconds !== undefined)
    f.forbidden('spec.template.spec.activeDeadlineSeconds', 'activeDeadlineSeconds in ReplicaSet is not Supported');
}

const percentText =
  "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";

/** `5` or `25%`; at most 100 % where `capped`. */
function validateCount(f: Findings, field: string, value: number | string | undefined, capped: boolean): void {
  if (value === undefined) return;
  if (typeof value === 'number') f.nonNegative(field, value);
  else if (!/^[0-9]+%$/.test(value)) f.invalid(field, value, percentText);
  else if (capped && Number.parseInt(value, 10) > 100) f.invalid(field, value, 'must not be greater than 100%');
}

const isZero = (value: number | string | undefined): boolean => value === undefined || Number.parseInt(String(value), 10) === 0;

function validateRolling(f: Findings, field: string, rolling: Struct): void {
  const count = (name: string) => validateCount(f, `${field}.${name}`, rolling[name], name === 'maxUnavailable');
  // What is no number at all is said before what is too much.
  if (typeof rolling['maxSurge'] === 'string' && !/^[0-9]+%$/.test(rolling['maxSurge'])) ['maxSurge', 'maxUnavailable'].forEach(count);
  else ['maxUnavailable', 'maxSurge'].forEach(count);
  if (isZero(rolling['maxUnavailable']) && isZero(rolling['maxSurge']))
    f.invalid(`${field}.maxUnavailable`, rolling['maxUnavailable'] ?? 0, 'may not be 0 when `maxSurge` is 0');
}

export function validateDeployment(f: Findings, { spec = {} }: Struct): void {
  f.nonNegative('spec.replicas', spec.replicas);
  validateSelectedTemplate(f, spec, 'empty selector is invalid for deployment');
  const strategy: Struct = spec.strategy ?? {};
  if (strategy['type'] === 'Recreate') {
    if (strategy['rollingUpdate']) f.forbidden('spec.strategy.rollingUpdate', "may not be specified when strategy `type` is 'Recreate'");
  } else if (strategy['type'] === 'RollingUpdate') validateRolling(f, 'spec.strategy.rollingUpdate', strategy['rollingUpdate'] ?? {});
  else f.notSupported('spec.strategy', { Type: strategy['type'] ?? '', RollingUpdate: null }, ['Recreate', 'RollingUpdate']);
  for (const name of ['minReadySeconds', 'revisionHistoryLimit', 'progressDeadlineSeconds']) f.nonNegative(`spec.${name}`, spec[name]);
  const deadline: number | undefined = spec.progressDeadlineSeconds;
  if (deadline !== undefined && deadline <= (spec.minReadySeconds ?? 0))
    f.invalid('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds');
}

export function validateReplicaSet(f: Findings, { spec = {} }: Struct): void {
  f.nonNegative('spec.replicas', spec.replicas);
  f.nonNegative('spec.minReadySeconds', spec.minReadySeconds);
  validateSelectedTemplate(f, spec, 'empty selector is invalid for deployment');
}

export function validateDaemonSet(f: Findings, { spec = {} }: Struct): void {
  validateSelectedTemplate(f, spec, 'empty selector is invalid for daemonset');
  f.nonNegative('spec.minReadySeconds', spec.minReadySeconds);
  const strategy: Struct = spec.updateStrategy ?? {};
  if (strategy['type'] === 'RollingUpdate') validateRolling(f, 'spec.updateStrategy.rollingUpdate', strategy['rollingUpdate'] ?? {});
  else if (strategy['type'] !== 'OnDelete')
    f.notSupported('spec.updateStrategy.type', strategy['type'] ?? '', ['RollingUpdate', 'OnDelete']);
  f.nonNegative('spec.revisionHistoryLimit', spec.revisionHistoryLimit);
}

export function validateStatefulSet(f: Findings, { spec = {} }: Struct): void {
  const [policy, type]: string[] = [spec.podManagementPolicy ?? '', spec.updateStrategy?.type ?? ''];
  if (!['OrderedReady', 'Parallel'].includes(policy!))
    f.invalid('spec.podManagementPolicy', policy, "must be 'OrderedReady' or 'Parallel'");
  if (!['RollingUpdate', 'OnDelete'].includes(type!))
    f.invalid('spec.updateStrategy', { Type: type, RollingUpdate: null }, "must be 'RollingUpdate' or 'OnDelete'");
  f.nonNegative('spec.updateStrategy.rollingUpdate.partition', spec.updateStrategy?.rollingUpdate?.partition);
  f.nonNegative('spec.replicas', spec.replicas);
  f.nonNegative('spec.minReadySeconds', spec.minReadySeconds);
  validateSelectedTemplate(f, spec, 'empty selector is invalid for statefulset');
}

function validateJobSpec(f: Findings, field: string, spec: Struct): void {
  for (const name of ['parallelism', 'completions', 'activeDeadlineSeconds', 'backoffLimit', 'ttlSecondsAfterFinished'])
    f.nonNegative(`${field}.${name}`, spec[name]);
  if (spec['completionMode'] === 'Indexed' && spec['completions'] === undefined)
    f.required(`${field}.completions`, 'when completion mode is Indexed');
  else if (spec['completionMode'] !== undefined && !['NonIndexed', 'Indexed'].includes(spec['completionMode']))
    f.notSupported(`${field}.completionMode`, spec['completionMode'], ['NonIndexed', 'Indexed']);
  const template: Struct = spec['template'] ?? {};
  validatePodTemplate(f, `${field}.template`, template);
  if (!['OnFailure', 'Never'].includes(template['spec']?.restartPolicy))
    f.required(`${field}.template.spec.restartPolicy`, 'valid values: "OnFailure", "Never"');
}

/** The selector is the API server's own unless `manualSelector`; a selector that is there must match. */
export function validateJob(f: Findings, { spec = {} }: Struct): void {
  validateJobSpec(f, 'spec', spec);
  if (!spec.selector) return;
  validateLabelSelector(f, 'spec.selector', spec.selector);
  const labels = spec.template?.metadata?.labels;
  if (!matchLabelSelector(spec.selector, labels)) f.invalid('spec.template.metadata.labels', labels ?? null, selectorMismatch);
}

const cronField = /^(\*|\?|[0-9A-Za-z]+(-[0-9A-Za-z]+)?)(\/[0-9]+)?$/;

function isSchedule(text: string): boolean {
  if (/^@(yearly|annually|monthly|weekly|daily|midnight|hourly)$/.test(text) || /^@every \d/.test(text)) return true;
  const fields = text.trim().split(/\s+/);
  return fields.length === 5 && fields.every((field) => field.split(',').every((part) => cronField.test(part)));
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

export function validateCronJob(f: Findings, { metadata = {}, spec = {} }: Struct): void {
  if ((metadata.name ?? '').length > 52) f.invalid('metadata.name', metadata.name, 'must be no more than 52 characters');
  const schedule: string = spec.schedule ?? '';
  if (schedule === '') f.required('spec.schedule');
  else if (!isSchedule(schedule))
    f.invalid(
      'spec.schedule',
      schedule,
      `expected exactly 5 fields, found ${schedule.trim().split(/\s+/).length}: [${schedule.trim().split(/\s+/).join(' ')}]`,
    );
  if (spec.timeZone !== undefined && !isTimeZone(spec.timeZone))
    f.invalid('spec.timeZone', spec.timeZone, `unknown time zone ${spec.timeZone}`);
  f.nonNegative('spec.startingDeadlineSeconds', spec.startingDeadlineSeconds);
  f.oneOf('spec.concurrencyPolicy', spec.concurrencyPolicy, ['Allow', 'Forbid', 'Replace']);
  validateJobSpec(f, 'spec.jobTemplate.spec', spec.jobTemplate?.spec ?? {});
  f.nonNegative('spec.successfulJobsHistoryLimit', spec.successfulJobsHistoryLimit);
  f.nonNegative('spec.failedJobsHistoryLimit', spec.failedJobsHistoryLimit);
}

/** Fields of `spec` that never change. */
export function immutable(...fields: readonly string[]): (f: Findings, object: Struct, old: Struct) => void {
  return (f, object, old) => {
    for (const field of fields) {
      const [now, before] = [object['spec']?.[field], old['spec']?.[field]];
      if (!equalJson(now ?? null, before ?? null)) f.invalid(`spec.${field}`, now, 'field is immutable');
    }
  };
}

const statefulSetMutable = new Set([
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
]);

export function validateStatefulSetUpdate(f: Findings, object: Struct, old: Struct): void {
  const fixed = (spec: Struct): unknown => Object.fromEntries(Object.entries(spec ?? {}).filter(([key]) => !statefulSetMutable.has(key)));
  if (!equalJson(fixed(object['spec']), fixed(old['spec']))) {
    f.forbidden(
      'spec',
      "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
    );
  }
}
