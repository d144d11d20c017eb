/** What every container of the proxy has, beside an application or alone as a gateway. */

/** User and group that interception exempts. */
const proxyUser = 1337;

/** What is bound to the pod: a token for the control plane, and the anchors by which it is known. */
export const proxyVolumes = [
  {
    name: 'istio-token',
    projected: { sources: [{ serviceAccountToken: { audience: 'istio-ca', expirationSeconds: 43_200, path: 'istio-token' } }] },
  },
  { name: 'istiod-ca-cert', configMap: { name: 'istio-ca-root-cert' } },
];

export const proxyMounts = [
  { name: 'istio-token', mountPath: '/var/run/secrets/tokens' },
  { name: 'istiod-ca-cert', mountPath: '/var/run/secrets/istio' },
];

export const proxySecurity = {
  runAsUser: proxyUser,
  runAsGroup: proxyUser,
  runAsNonRoot: true,
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
};

export const fieldVariable = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });

/** Who it is, and whom it asks. */
export const proxyVariables = [
  fieldVariable('POD_NAME', 'metadata.name'),
  fieldVariable('POD_NAMESPACE', 'metadata.namespace'),
  fieldVariable('INSTANCE_IP', 'status.podIP'),
  fieldVariable('SERVICE_ACCOUNT', 'spec.serviceAccountName'),
];

export const proxyReady = { httpGet: { path: '/healthz/ready', port: 15_021 } };
export const metricsPort = { name: 'http-envoy-prom', containerPort: 15_090, protocol: 'TCP' };
