/**
 * The Security Sidecar pattern by webhook: `palisade.dev/waf-sidecar: "8080"` (label or annotation) puts a WAF into the pod and leads
 * everything that comes for that port to it, from wherever; it alone reaches the application.
 */
import type { KubernetesObject } from '@palisade/kubernetes';
import { initContainer } from './containers.ts';
import { wafName } from './names.ts';
import type { Container, PodSpec } from './pod.ts';

const imageName = 'palisade.dev/waf-image';
const engineName = 'palisade.dev/waf-engine';
const containerName = 'palisade-waf';
/** Whose connections reach the application; differs from the mesh proxy's. */
const wafUser = 1338;
const wafPort = 15_088;

/** @throws Error when the value is no port, or the pod shares the host's network */
export function injectWaf(pod: KubernetesObject, proxyImage: string): KubernetesObject {
  const { labels = {}, annotations = {} } = pod.metadata;
  const wish = annotations[wafName] ?? labels[wafName];
  const spec = pod['spec'] as PodSpec;
  const own = spec.initContainers ?? [];
  if (wish === undefined || own.some(({ name }) => name === containerName)) return pod;
  if (!/^[1-9]\d{0,4}$/.test(wish) || Number(wish) > 65_535) throw new Error(`${wafName}: found "${wish}", expected a port, 1 to 65535`);
  if (spec.hostNetwork === true) throw new Error(`${wafName}: the pod uses the host’s network, which is not this pod’s to redirect`);
  const init = initContainer(
    { WAF_APP_PORT: wish, WAF_PORT: String(wafPort), WAF_USER: String(wafUser) },
    proxyImage,
    `${containerName}-init`,
  );
  return {
    ...pod,
    metadata: { ...pod.metadata, annotations: { [engineName]: 'palisade', ...annotations } },
    spec: { ...spec, initContainers: [{ ...init, args: ['intercept-waf'] }, wafContainer(annotations[imageName], wish), ...own] },
  };
}

function wafContainer(image = 'owasp/modsecurity-crs:nginx', appPort: string): Container {
  return {
    name: containerName,
    image,
    restartPolicy: 'Always',
    env: [
      { name: 'PORT', value: String(wafPort) },
      { name: 'BACKEND', value: `http://127.0.0.1:${appPort}` },
      { name: 'PROXY_PRESERVE_HOST', value: 'on' },
    ],
    startupProbe: { tcpSocket: { port: wafPort }, periodSeconds: 1, failureThreshold: 120 },
    securityContext: {
      runAsUser: wafUser,
      runAsGroup: wafUser,
      runAsNonRoot: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
    },
  };
}
