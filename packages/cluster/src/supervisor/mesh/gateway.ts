/** The ingress gateway: Service `istio-ingressgateway` of type LoadBalancer, its pods, and the account that Istio's users know. */
import { metricsPort, proxyMounts, proxyReady, proxySecurity, proxyVariables, proxyVolumes } from '@palisade/control-plane/proxy-parts';
import type { KubernetesObject } from '@palisade/kubernetes';

const name = 'istio-ingressgateway';
const account = `${name}-service-account`;
const labels = { app: name, istio: 'ingressgateway', release: 'istio' };

/** As Istio's demo has them: what clients dial, and the pod's port behind it (no root, so none below 1024). */
const ports: readonly (readonly [string, number, number])[] = [
  ['status-port', 15_021, 15_021],
  ['http2', 80, 8080],
  ['https', 443, 8443],
  ['tcp', 31_400, 31_400],
  ['tls', 15_443, 15_443],
];

export function gatewayObjects(namespace: string, dataplane: 'palisade' | 'envoy'): KubernetesObject[] {
  const meta = (objectName: string) => ({ namespace, name: objectName, labels });
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: meta(account) },
    {
      // Whose account may list Secrets is given the certificates that Gateways name.
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: meta(`${name}-sds`),
      rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['get', 'list', 'watch'] }],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: meta(`${name}-sds`),
      subjects: [{ kind: 'ServiceAccount', name: account, namespace }],
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: `${name}-sds` },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: meta(name),
      spec: {
        replicas: 1,
        selector: { matchLabels: { app: labels.app, istio: labels.istio } },
        template: {
          metadata: { labels: { ...labels, 'sidecar.istio.io/inject': 'false' } },
          spec: {
            serviceAccountName: account,
            containers: [
              {
                name: 'istio-proxy',
                image: 'palisade/proxy',
                args: ['proxy', 'router'],
                ports: [...ports.map(([, , containerPort]) => ({ containerPort, protocol: 'TCP' })), metricsPort],
                env: [
                  ...proxyVariables,
                  { name: 'CA_ADDR', value: `istiod.${namespace}.svc:15012` },
                  { name: 'TRUST_DOMAIN', value: 'cluster.local' },
                  { name: 'PALISADE_DATAPLANE', value: dataplane },
                ],
                readinessProbe: { ...proxyReady, periodSeconds: 1, failureThreshold: 30, timeoutSeconds: 3 },
                securityContext: proxySecurity,
                volumeMounts: proxyMounts,
              },
            ],
            volumes: proxyVolumes,
          },
        },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: meta(name),
      spec: {
        type: 'LoadBalancer',
        selector: { app: labels.app, istio: labels.istio },
        ports: ports.map(([portName, port, targetPort]) => ({ name: portName, port, targetPort, protocol: 'TCP' })),
      },
    },
  ];
}
