import type { KubernetesObject } from '@palisade/kubernetes';

interface Requirement {
  key: string;
  operator: string;
  values?: string[];
}

interface NodeSelectorTerm {
  matchExpressions?: Requirement[];
  matchFields?: Requirement[];
}

/** `nodeSelector` and the required node affinity; both must hold, and one of the affinity's terms. */
export function matchesNode(pod: KubernetesObject, node: KubernetesObject): boolean {
  const labels = node.metadata.labels ?? {};
  for (const [key, value] of Object.entries((pod['spec'].nodeSelector ?? {}) as Record<string, string>))
    if (labels[key] !== value) return false;
  const required = pod['spec'].affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  if (required === undefined) return true;
  return (required.nodeSelectorTerms as NodeSelectorTerm[]).some((term) => matchesTerm(term, node));
}

/** Sum of the weights of the preferences the node meets. */
export function preferredNodeWeight(pod: KubernetesObject, node: KubernetesObject): number {
  const preferred: { weight: number; preference: NodeSelectorTerm }[] =
    pod['spec'].affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  return preferred.reduce((sum, { weight, preference }) => (matchesTerm(preference, node) ? sum + weight : sum), 0);
}

/** A term without requirements matches nothing (core/v1 NodeSelectorTerm). */
function matchesTerm(term: NodeSelectorTerm, node: KubernetesObject): boolean {
  const { matchExpressions = [], matchFields = [] } = term;
  if (matchExpressions.length + matchFields.length === 0) return false;
  return (
    matchExpressions.every((requirement) => meets(requirement, node.metadata.labels?.[requirement.key])) &&
    matchFields.every((requirement) => meets(requirement, requirement.key === 'metadata.name' ? node.metadata.name : undefined))
  );
}

function meets({ operator, values = [] }: Requirement, found: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return found !== undefined && values.includes(found);
    case 'NotIn':
      return found === undefined || !values.includes(found);
    case 'Exists':
      return found !== undefined;
    case 'DoesNotExist':
      return found === undefined;
    case 'Gt':
    case 'Lt': {
      if (found === undefined || !/^-?\d+$/.test(found)) return false;
      return operator === 'Gt' ? Number(found) > Number(values[0]) : Number(found) < Number(values[0]);
    }
    default:
      return false;
  }
}
