/** The kinds of Istio 1.1 as the API holds them. One that is stored and cannot be read is taken for the strictest of its kind. */
import type { KubernetesObject } from '@palisade/kubernetes';
import {
  denyingLegacyPolicy,
  type LegacyResources,
  parseLegacyAuthnPolicy,
  parseRbacConfig,
  parseServiceRole,
  parseServiceRoleBinding,
} from '@palisade/mesh';
import type { Memo } from '@palisade/mesh/traffic';
import { isOfRevision } from './revision.ts';

export const legacyKinds = {
  policies: ['authentication.istio.io', 'v1alpha1', 'policies'],
  meshPolicies: ['authentication.istio.io', 'v1alpha1', 'meshpolicies'],
  clusterRbacConfigs: ['rbac.istio.io', 'v1alpha1', 'clusterrbacconfigs'],
  rbacConfigs: ['rbac.istio.io', 'v1alpha1', 'rbacconfigs'],
  serviceRoles: ['rbac.istio.io', 'v1alpha1', 'serviceroles'],
  serviceRoleBindings: ['rbac.istio.io', 'v1alpha1', 'servicerolebindings'],
} as const;

type Listed = Readonly<Record<keyof typeof legacyKinds, { list(): readonly KubernetesObject[] }>>;

export function readLegacy(kinds: Listed, log: (message: string) => void, memo: Memo): LegacyResources {
  const read = <T>(
    kind: keyof typeof legacyKinds,
    parse: (object: KubernetesObject) => T,
    instead?: (object: KubernetesObject) => T,
  ): T[] =>
    // Of several where one counts it is the first by name, whatever order they came in.
    kinds[kind]
      .list()
      .filter(({ metadata }) => isOfRevision(metadata.labels))
      .toSorted(byPlace)
      .flatMap((object) =>
        memo(`${kind} ${object.metadata.namespace}/${object.metadata.name}`, [object], (): T[] => {
          try {
            return [parse(object)];
          } catch (error) {
            const { namespace, name } = object.metadata;
            const effect = instead === undefined ? 'grants nothing' : 'denies everything it may concern';
            log(`${object.kind} ${namespace === undefined ? '' : `${namespace}/`}${name} ${effect}: ${(error as Error).message}`);
            return instead === undefined ? [] : [instead(object)];
          }
        }),
      );
  const on = (object: KubernetesObject) => parseRbacConfig({ ...object, metadata: { name: 'default' }, spec: { mode: 'ON' } });
  return {
    authentication: [
      ...read('policies', parseLegacyAuthnPolicy, denyingLegacyPolicy),
      ...read('meshPolicies', parseLegacyAuthnPolicy, denyingLegacyPolicy),
    ],
    rbac: {
      configs: [...read('clusterRbacConfigs', parseRbacConfig, on), ...read('rbacConfigs', parseRbacConfig, on)],
      roles: read('serviceRoles', parseServiceRole),
      bindings: read('serviceRoleBindings', parseServiceRoleBinding),
    },
  };
}

function byPlace(a: KubernetesObject, b: KubernetesObject): number {
  const place = ({ metadata }: KubernetesObject) => `${metadata.namespace ?? ''}/${metadata.name}`;
  return place(a) < place(b) ? -1 : 1;
}
