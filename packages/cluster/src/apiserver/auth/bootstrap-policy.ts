import { readFileSync } from 'node:fs';
import type { KubernetesObject } from '@palisade/kubernetes';
import type { PolicyRule } from './rbac.ts';

const RBAC = 'rbac.authorization.k8s.io';
const LABELS = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };
const ANNOTATIONS = { 'rbac.authorization.kubernetes.io/autoupdate': 'true' };

/** One ClusterRole, and to whom a ClusterRoleBinding of the same name gives it. */
interface BootstrapRole {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly rules?: readonly PolicyRule[];
  readonly aggregationRule?: object;
  readonly subjects?: readonly object[];
}

/**
 * The ClusterRoles every cluster starts with, as kube-apiserver 1.34.4 has them (read from it, one a line). Those of the single
 * controllers are not there: ours are members of system:masters. Nothing is bound to anonymous users: there are none.
 */
function bootstrapRoles(): BootstrapRole[] {
  const lines = readFileSync(new URL('bootstrap-roles.ndjson', import.meta.url), 'utf8')
    .trimEnd()
    .split('\n');
  return lines.map((line) => JSON.parse(line) as BootstrapRole);
}

export function bootstrapPolicy(): { resource: 'clusterroles' | 'clusterrolebindings'; object: KubernetesObject }[] {
  return bootstrapRoles().flatMap(({ name, labels, rules, aggregationRule, subjects }) => {
    const metadata = { name, labels: { ...LABELS, ...labels }, annotations: ANNOTATIONS };
    const role = {
      resource: 'clusterroles' as const,
      object: {
        apiVersion: `${RBAC}/v1`,
        kind: 'ClusterRole',
        metadata,
        rules: rules ?? null,
        ...(aggregationRule === undefined ? {} : { aggregationRule }),
      },
    };
    if (subjects === undefined) return [role];
    const object: KubernetesObject = {
      apiVersion: `${RBAC}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name, labels: LABELS, annotations: ANNOTATIONS },
      roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name },
      ...(subjects.length === 0 ? {} : { subjects }),
    };
    return [role, { resource: 'clusterrolebindings' as const, object }];
  });
}

/** The rules of one of them. */
export function bootstrapRole(name: string): readonly PolicyRule[] {
  return bootstrapRoles().find((role) => role.name === name)?.rules ?? [];
}
