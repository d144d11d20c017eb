import { type ApiClient, isStatusError, type KubernetesObject } from '@palisade/kubernetes';
import { bootstrapPolicy } from './auth/bootstrap-policy.ts';
import type { Core } from './core.ts';

const NAMESPACES = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

const PRIORITY_CLASSES: readonly (readonly [name: string, value: number, description: string])[] = [
  [
    'system-cluster-critical',
    2_000_000_000,
    'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
  ],
  ['system-node-critical', 2_000_001_000, 'Used for system critical pods that must not be moved from their current node.'],
];

/** Objects every cluster starts with. Those that exist are left as they are: the user may have changed them. */
export async function bootstrapObjects(core: Core, client: ApiClient): Promise<void> {
  const wanted: { type: string; group: string; version: string; resource: string; object: KubernetesObject }[] = [
    ...NAMESPACES.map((name) => ({
      type: 'namespaces',
      group: '',
      version: 'v1',
      resource: 'namespaces',
      object: { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
    })),
    ...PRIORITY_CLASSES.map(([name, value, description]) => ({
      type: 'priorityclasses.scheduling.k8s.io',
      group: 'scheduling.k8s.io',
      version: 'v1',
      resource: 'priorityclasses',
      object: { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name }, value, description },
    })),
    ...bootstrapPolicy().map(({ resource, object }) => ({
      type: `${resource}.rbac.authorization.k8s.io`,
      group: 'rbac.authorization.k8s.io',
      version: 'v1',
      resource,
      object,
    })),
  ];
  const missing = wanted.filter(
    ({ type, object }) => core.store.get(type, object.metadata.namespace ?? '', object.metadata.name!) === undefined,
  );
  // Namespaces first and alone: the others may live in them.
  const namespaces = missing.filter(({ type }) => type === 'namespaces');
  for (const part of [namespaces, missing.filter(({ type }) => type !== 'namespaces')]) {
    await Promise.all(
      part.map(async ({ group, version, resource, object }) => {
        try {
          await client.create({ group, version, resource }, object);
        } catch (error) {
          if (!isStatusError(error, 'AlreadyExists')) throw error;
        }
      }),
    );
  }
}
