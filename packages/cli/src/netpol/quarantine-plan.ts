import { createHash } from 'node:crypto';
import type { KubernetesObject } from '@palisade/kubernetes';

export interface QuarantineTarget {
  readonly kind: 'Pod' | 'Deployment';
  readonly namespace: string;
  readonly name: string;
  /** A Deployment's pod selector; a pod is told from its like by a label of its own. */
  readonly selector?: Readonly<Record<string, unknown>>;
}

export interface QuarantineOptions {
  readonly keepDns: boolean;
  /** Who did it and when, for those who find it. */
  readonly by: string;
  readonly at: Date;
}

/** On a quarantined pod; its value is the name of the policies. */
export const QUARANTINE_LABEL = 'palisade.dev/quarantine';
const BY = 'palisade.dev/quarantined-by';
const AT = 'palisade.dev/quarantined-at';

const MAX_LABEL = 63;

/**
 * The name both policies carry: of one target only, or its quarantine would take the place of another's. A namespace holds no dot, so
 * the first one ends it. Long names are cut; a digest of the whole keeps them apart.
 */
export function quarantineName({ kind, namespace, name }: QuarantineTarget): string {
  const full = `quarantine-${kind.toLowerCase()}-${namespace}.${name}`;
  if (full.length <= MAX_LABEL) return full;
  const digest = createHash('sha256').update(full).digest('hex').slice(0, 12);
  // Each part between dots begins and ends with a letter or digit.
  return `${full.slice(0, MAX_LABEL - 1 - digest.length).replace(/[.-]+$/, '')}-${digest}`;
}

const dnsPods = {
  pods: {
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
    podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
  },
};
const dnsPorts = [{ udp: { destinationPort: { number: 53 } } }, { tcp: { destinationPort: { number: 53 } } }];

/**
 * Two policies that cut pods off. The ClusterNetworkPolicy stands before every other and denies all traffic with the cluster and
 * all egress. Its kind cannot speak of sources outside of the cluster: those the NetworkPolicy shuts out, unless another
 * NetworkPolicy lets them in.
 */
export function quarantinePolicies(target: QuarantineTarget, { keepDns, by, at }: QuarantineOptions): KubernetesObject[] {
  const name = quarantineName(target);
  const podSelector = target.selector ?? { matchLabels: { [QUARANTINE_LABEL]: name } };
  const annotations = { [BY]: by, [AT]: at.toISOString() };
  const everywhere = [{ namespaces: {} }, { networks: ['0.0.0.0/0', '::/0'] }];
  return [
    {
      apiVersion: 'policy.networking.k8s.io/v1alpha2',
      kind: 'ClusterNetworkPolicy',
      metadata: { name, annotations },
      spec: {
        tier: 'Admin',
        priority: 0,
        subject: { pods: { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': target.namespace } }, podSelector } },
        ingress: [{ name: 'quarantined', action: 'Deny', from: [{ namespaces: {} }] }],
        egress: [
          ...(keepDns ? [{ name: 'dns', action: 'Accept', to: [dnsPods], protocols: dnsPorts }] : []),
          { name: 'quarantined', action: 'Deny', to: everywhere },
        ],
      },
    },
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { namespace: target.namespace, name, annotations },
      spec: { podSelector, policyTypes: ['Ingress', 'Egress'] },
    },
  ];
}
