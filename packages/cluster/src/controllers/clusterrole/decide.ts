import { isDeepStrictEqual } from 'node:util';
import { type KubernetesObject, type LabelSelectorObject, matchLabelSelector } from '@palisade/kubernetes';

type Rules = readonly object[];

const rulesOf = (role: KubernetesObject): Rules => (role['rules'] as Rules | null | undefined) ?? [];

/**
 * What an aggregating ClusterRole is to say: the rules of all others that its selectors find, by selector and name, each once.
 *
 * @returns undefined for a role that aggregates nothing, or says just that already
 */
export function aggregatedRules(role: KubernetesObject, all: readonly KubernetesObject[]): Rules | undefined {
  const selectors: readonly LabelSelectorObject[] | undefined = role['aggregationRule']?.clusterRoleSelectors;
  if (selectors === undefined) return undefined;
  const others = all
    .filter((other) => other.metadata.name !== role.metadata.name)
    .sort((a, b) => (a.metadata.name! < b.metadata.name! ? -1 : 1));
  const wanted: object[] = [];
  for (const selector of selectors) {
    for (const other of others.filter(({ metadata }) => matchLabelSelector(selector, metadata.labels)))
      for (const rule of rulesOf(other)) if (!wanted.some((one) => isDeepStrictEqual(one, rule))) wanted.push(rule);
  }
  return isDeepStrictEqual(wanted, rulesOf(role)) ? undefined : wanted;
}
