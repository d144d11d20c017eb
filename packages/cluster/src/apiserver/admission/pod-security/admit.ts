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

/** A label that means nothing counts as the strictest level: it was meant to restrict something. */
function policyOf(labels: Readonly<Record<string, string>>, mode: (typeof MODES)[number]): Policy {
  const asked = labels[`${PREFIX}${mode}`] ?? 'privileged';
  const level = (LEVELS.includes(asked) ? asked : 'restricted') as Level;
  return { level, text: `${level}:${labels[`${PREFIX}${mode}-version`] ?? 'latest'}` };
}

/**
 * Admission plugin PodSecurity, by the labels of the namespace. The standards of the newest version are applied whatever version a
 * label names. Audit mode has no effect of its own: there is no audit log.
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
  const enforced = policyOf(labels, 'enforce');
  const violations = isPod ? podViolations(enforced.level, pod) : [];
  if (violations.length > 0) {
    throw forbidden(scope.resource.gvr, object.metadata.name ?? '', `violates PodSecurity "${enforced.text}": ${violations.join(', ')}`);
  }
  const warned = policyOf(labels, 'warn');
  const warnings = podViolations(warned.level, pod);
  if (warnings.length > 0) scope.warn(`would violate PodSecurity "${warned.text}": ${warnings.join(', ')}`);
}

function podAt(object: KubernetesObject, path: readonly string[]): PodFacts | undefined {
  // biome-ignore lint/suspicious/noExplicitAny: walks a wire object
  const template = path.reduce((at: any, name) => at?.[name], object);
  return template?.spec === undefined ? undefined : { spec: template.spec, annotations: template.metadata?.annotations ?? {} };
}

/** Labels of a namespace that name no level. */
export function podSecurityLabelFaults(namespace: KubernetesObject): StatusCause[] {
  const labels = namespace.metadata.labels ?? {};
  return MODES.flatMap((mode): StatusCause[] => {
    const value = labels[`${PREFIX}${mode}`];
    if (value === undefined || LEVELS.includes(value)) return [];
    const message = `Invalid value: ${JSON.stringify(value)}: must be one of ${LEVELS.join(', ')}`;
    return [{ reason: 'FieldValueInvalid', message, field: `metadata.labels[${PREFIX}${mode}]` }];
  });
}
