import type { Template } from './template.ts';

const zone = (name: string) => `namespaces: {matchLabels: {pci-zone: ${name}}}`;
const dns = `    - name: dns
      action: Accept
      to:
        - pods:
            namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}
            podSelector: {matchLabels: {k8s-app: kube-dns}}
      protocols:
        - udp: {destinationPort: {number: 53}}
        - tcp: {destinationPort: {number: 53}}`;

const head = (name: string, priority: number, subject: string) => `apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata:
  name: ${name}
spec:
  tier: Admin
  priority: ${priority}
  subject:
    ${subject}`;

/** Cardholder and customer zones, each a cluster of its own or both in one. */
export const pciTemplate: Template = {
  summary: 'PCI DSS: a cardholder zone that one gateway of the customer zone reaches, and nothing else',
  values: { gateway: 'payment-gateway', port: '8443', acquirer: '203.0.113.0/24', peerCluster: '198.51.100.0/24' },
  render: ({
    gateway,
    port,
    acquirer,
    peerCluster,
  }) => `# Two zones, told apart by the label pci-zone of their namespaces: cardholder (cluster X) and customer (cluster A). The set
# can be applied to one cluster that holds both zones, or to each of two clusters: a policy whose zone is not there does
# nothing. Order: the Admin tier decides before every NetworkPolicy, so no team can open the cardholder zone by accident.
#
# Into the cardholder zone: from the zone itself, and from the gateway on its one port. Everything else is refused, whatever
# NetworkPolicies say. Pass leaves the zone's own traffic to its NetworkPolicies.
${head('pci-cardholder-in', 10, zone('cardholder'))}
  ingress:
    - name: inside
      action: Pass
      from:
        - ${zone('cardholder')}
    - name: gateway
      action: Accept
      from:
        - pods:
            namespaceSelector: {matchLabels: {pci-zone: customer}}
            podSelector: {matchLabels: {app: ${gateway}}}
      protocols:
        - tcp: {destinationPort: {number: ${port}}}
    - name: closed
      action: Deny
      from:
        - namespaces: {}
---
# Out of the cardholder zone: DNS, the zone itself, and the acquirer over TLS. No card number leaves on another way.
${head('pci-cardholder-out', 11, zone('cardholder'))}
  egress:
${dns}
    - name: inside
      action: Pass
      to:
        - ${zone('cardholder')}
    - name: acquirer
      action: Accept
      to:
        - networks: [${acquirer}]
      protocols:
        - tcp: {destinationPort: {number: 443}}
    - name: closed
      action: Deny
      to:
        - namespaces: {}
        - networks: [0.0.0.0/0, "::/0"]
---
# The customer zone: only the gateway may send towards cardholders, be they in this cluster or, at ${peerCluster}, in
# the other one. Refusing at the sender's side too keeps scans from ever reaching the zone.
${head(
  'pci-customer-gateway',
  20,
  `pods:
      namespaceSelector: {matchLabels: {pci-zone: customer}}
      podSelector: {matchLabels: {app: ${gateway}}}`,
)}
  egress:
    - name: cardholder
      action: Accept
      to:
        - ${zone('cardholder')}
        - networks: [${peerCluster}]
      protocols:
        - tcp: {destinationPort: {number: ${port}}}
---
${head('pci-customer-out', 21, zone('customer'))}
  egress:
    - name: cardholder
      action: Deny
      to:
        - ${zone('cardholder')}
        - networks: [${peerCluster}]
---
# The NetworkPolicy of the zone itself: sources outside of the cluster, of which a ClusterNetworkPolicy cannot speak, and pods of
# the zone that nobody named, are shut out here.
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  namespace: cardholder
  name: zone
spec:
  podSelector: {}
  policyTypes: [Ingress]
  ingress:
    - from:
        - podSelector: {}
`,
};
