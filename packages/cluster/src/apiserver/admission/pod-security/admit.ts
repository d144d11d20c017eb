import { isDeepStrictEqual } from 'node:util';
import { forbidden, type KubernetesObject, type StatusCause } from '@palisade/kubernetes';
import { type Core, readObject, type Scope } from '../../core.ts';
import { type Level, podViolations } from './checks.ts';
import type { PodFacts } from './pod.ts';

const PREFIX = 'pod-security.kubernetes.io/';
const LEVELS: readonly string[] = ['privileged', 'baseline', 'restricted'];
const MODES = ['enforce', 'audit', 'warn'] as const;

/** Where the pods of a kind come from: warned about when the template is written, enforced when the pod is. */
const TEMPLATES: Readonly<Record<string, readonly string[]>> = {
  podtemplates: ['template'],
  replicationcontrollers: ['spec', 'template'],
  'replicasets.apps': ['spec', 'template'],
  'deployments.apps': ['spec', 'template'],
  'statefulsets.apps': ['spec', 'template'],
  'daemonsets.apps': ['spec', 'template'],
  'jobs.batch': ['spec', 'template'],
  'cronjobs.batch': ['spec', 'jobTemplate', 'spec', 'template'],
};

interface Policy {
  readonly level: Level;
  /** As the refusal names it, such as `baseline:latest`. */
  readonly text: string;
}

type Mode = (typeof MODES)[number];

/**
 * What the labels of a namespace ask for. An enforced level that means nothing is the strictest: it was meant to restrict something.
 * Nobody is warned of, and nothing is noted by, one that means nothing. Who does not say what to be warned of is warned of what is
 * enforced in what becomes pods.
 */
function policyOf(labels: Readonly<Record<string, string>>, mode: Mode): Policy {
  const asked = labels[`${PREFIX}${mode}`];
  if (mode === 'warn' && asked === undefined && LEVELS.includes(labels[`${PREFIX}enforce`] ?? ''))
    return { ...policyOf(labels, 'enforce'), ...(labels[`${PREFIX}warn-version`] ? { text: textOf(labels, 'enforce', 'warn') } : {}) };
  const fallback = mode === 'enforce' && asked !== undefined ? 'restricted' : 'privileged';
  return { level: (LEVELS.includes(asked ?? '') ? asked : fallback) as Level, text: textOf(labels, mode, mode) };
}

function textOf(labels: Readonly<Record<string, string>>, level: Mode, version: Mode): string {
  return `${labels[`${PREFIX}${level}`] ?? 'privileged'}:${labels[`${PREFIX}${version}-version`] ?? 'latest'}`;
}

/**
 * Admission plugin PodSecurity, by the labels of the namespace. The standards of the newest version are applied whatever version a
 * label names. What the audit mode finds goes to `core.audit`.
 *
 * @throws StatusError 403 for a pod the namespace does not allow
 */
export function admitPodSecurity(core: Core, scope: Scope, object: KubernetesObject, old: KubernetesObject | undefined): void {
  const { storeType } = scope.resource;
  const isPod = storeType === 'pods';
  const path = isPod ? [] : TEMPLATES[storeType];
  if (path === undefined || (scope.subresource !== '' && scope.subresource !== 'ephemeralcontainers')) return;
  const labels = readObject(core, 'namespaces', '', scope.namespace)?.metadata.labels ?? {};
  if (!MODES.some((mode) => labels[`${PREFIX}${mode}`] !== undefined)) return;
  const pod = podAt(object, path);
  if (pod === undefined || (old !== undefined && isDeepStrictEqual(pod, podAt(old, path)))) return;
  const told = (mode: Mode): string | undefined => {
    const { level, text } = policyOf(labels, mode);
    const violations = podViolations(level, pod);
    return violations.length === 0 ? undefined : `violate PodSecurity "${text}": ${violations.join(', ')}`;
  };
  const name = object.metadata.name ?? '';
  const audited = told('audit');
  if (audited !== undefined && !scope.dryRun)
    core.audit({ user: scope.user.username, resource: storeType, namespace: scope.namespace, name, text: `would ${audited}` });
  const refused = isPod ? told('enforce') : undefined;
  if (refused !== undefined) throw forbidden(scope.resource.gvr, name, refused.replace('violate', 'violates'));
  const warned = told('warn');
  if (warned !== undefined) scope.warn(`would ${warned}`);
}

/** More pods than this are not looked at when a level changes, as in the real server. */
const MAX_PODS = 3000;

/** Warns of pods that are there and that a stricter level would not let in. */
export function warnOfExistingPods(core: Core, scope: Scope, namespace: KubernetesObject, old: KubernetesObject): void {
  const [now, before] = [namespace, old].map(({ metadata }) => policyOf(metadata.labels ?? {}, 'enforce')) as [Policy, Policy];
  if (now.text === before.text || LEVELS.indexOf(now.level) < 1) return;
  if (now.text.split(':')[1] === before.text.split(':')[1] && LEVELS.indexOf(now.level) <= LEVELS.indexOf(before.level)) return;
  const pods = core.store.list('pods', scope.name);
  const names = new Map<string, string[]>();
  for (const entry of pods.slice(0, MAX_PODS)) {
    const pod = podAt(entry.object, []);
    const reasons = pod === undefined ? [] : podViolations(now.level, pod).map((text) => text.replace(/ \([\s\S]*\)$/, ''));
    if (reasons.length === 0) continue;
    const key = reasons.join(', ');
    names.set(key, [...(names.get(key) ?? []), entry.name]);
  }
  if (pods.length > MAX_PODS)
    scope.warn(`new PodSecurity enforce level only checked against the first ${MAX_PODS} of ${pods.length} existing pods`);
  if (names.size > 0) scope.warn(`existing pods in namespace "${scope.name}" violate the new PodSecurity enforce level "${now.text}"`);
  const lines = [...names].map(([reasons, [first, ...others]]) => {
    const more = others.length === 0 ? '' : ` (and ${others.length} other pod${others.length === 1 ? '' : 's'})`;
    return `${first}${more}: ${reasons}`;
  });
  for (const line of lines.sort()) scope.warn(line);
}

function podAt(object: KubernetesObject, path: readonly string[]): PodFacts | undefined {
  // biome-ignore lint/suspicious/noExplicitAny: walks a wire object
  const template = path.reduce((at: any, name) => at?.[name], object);
  return template?.spec === undefined ? undefined : { spec: template.spec, annotations: template.metadata?.annotations ?? {} };
}

/** Labels of a namespace that name no level or no version. */
export function podSecurityLabelFaults(namespace: KubernetesObject): StatusCause[] {
  const labels = namespace.metadata.labels ?? {};
  const faultOf = (label: string, isGood: (value: string) => boolean, wanted: string): StatusCause[] => {
    const value = labels[label];
    if (value === undefined || isGood(value)) return [];
    const message = `Invalid value: ${JSON.stringify(value)}: must be ${wanted}`;
    return [{ reason: 'FieldValueInvalid', message, field: `metadata.labels[${label}]` }];
  };
  return MODES.flatMap((mode) => [
    ...faultOf(`${PREFIX}${mode}`, (value) => LEVELS.includes(value), `one of ${LEVELS.join(', ')}`),
    ...faultOf(`${PREFIX}${mode}-version`, (value) => value === 'latest' || /^v1\.(0|[1-9]\d*)$/.test(value), '"latest" or "v1.x"'),
  ]);
}
