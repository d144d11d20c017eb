import type { Template } from './template.ts';

const dns = `    # Names must go on resolving: DNS runs in kube-system.
    - to:
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: kube-system
          podSelector:
            matchLabels:
              k8s-app: kube-dns
      ports:
        - {protocol: UDP, port: 53}
        - {protocol: TCP, port: 53}`;

const head = (namespace: string, name: string) => `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  namespace: ${namespace}
  name: ${name}
spec:`;

export const networkPolicyTemplates: Readonly<Record<string, Template>> = {
  'namespace-isolation': {
    summary: 'pods of a namespace are reached by each other only',
    values: {},
    render: ({ namespace }) => `# Every pod of ${namespace} accepts traffic from pods of the same namespace and from nobody else.
# A podSelector without a namespaceSelector beside it means pods of the policy's own namespace.
# Egress is not touched: a noisy pod in here can still call out.
${head(namespace, 'namespace-isolation')}
  podSelector: {}
  policyTypes: [Ingress]
  ingress:
    - from:
        - podSelector: {}
`,
  },
  'default-deny': {
    summary: 'nothing in, nothing out but DNS: the ground to allow upon',
    values: {},
    render: ({ namespace }) => `# No pod of ${namespace} accepts or opens a connection, except to ask DNS. NetworkPolicies add up: each
# further one allows something on top of this.
${head(namespace, 'default-deny')}
  podSelector: {}
  policyTypes: [Ingress, Egress]
  egress:
${dns}
`,
  },
  'microservice-namespace': {
    summary: 'one service a namespace: only namespaces with a label reach its port',
    values: { app: 'app', port: '8080', caller: 'calls' },
    render: ({
      namespace,
      app,
      port,
      caller,
    }) => `# ${namespace} holds one service. Namespaces that may call it carry the label ${caller}-${namespace}: "true":
#   kubectl label namespace NAME ${caller}-${namespace}=true
# Who may label namespaces decides who may call; pods cannot give themselves the right.
${head(namespace, `${app}-callers`)}
  podSelector:
    matchLabels:
      app: ${app}
  policyTypes: [Ingress]
  ingress:
    - from:
        - namespaceSelector:
            matchLabels:
              ${caller}-${namespace}: "true"
      # The port of the container, not that of the Service.
      ports:
        - {protocol: TCP, port: ${port}}
`,
  },
  'egress-allow-list': {
    summary: 'out of the namespace only to DNS and one range of addresses',
    values: { cidr: '203.0.113.0/24', port: '443' },
    render: ({
      namespace,
      cidr,
      port,
    }) => `# Pods of ${namespace} call each other, DNS, and ${cidr} on port ${port}; nothing else outside or inside.
# That shuts the cloud's metadata address and any exfiltration to other addresses with it.
${head(namespace, 'egress-allow-list')}
  podSelector: {}
  policyTypes: [Egress]
  egress:
${dns}
    - to:
        - podSelector: {}
    # Addresses outside of the cluster. Pods change theirs: name pods by selectors, never by ipBlock.
    - to:
        - ipBlock:
            cidr: ${cidr}
      ports:
        - {protocol: TCP, port: ${port}}
`,
  },
};
