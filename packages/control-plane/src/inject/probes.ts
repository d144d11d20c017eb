/**
 * The kubelet comes without a certificate, so STRICT would refuse its probes and hooks: they are led to the agent (port 15020), which asks the
 * application on the kubelet's behalf, from inside the pod. Paths and variable as Istio has them, so that any kubelet will do.
 */
import type { Container, PodSpec, Probe } from './pod.ts';

/** Of the agent. */
const statusPort = 15_020;

/** By path on the agent: what it does. */
export type AppProbers = Readonly<Record<string, Pick<Probe, 'httpGet' | 'tcpSocket' | 'grpc' | 'timeoutSeconds'>>>;

const kinds = { startupProbe: 'startupz', readinessProbe: 'readyz', livenessProbe: 'livez' } as const;
/** A hook may take as long as the pod's end; this is its default. */
const hookSeconds = 30;
const hooks = { postStart: 'poststartz', preStop: 'prestopz' } as const;

/** @param isNative the agent runs before the pod's own init containers; otherwise it cannot answer for them, and nothing is redirected yet */
export function rewriteProbes(spec: PodSpec, isNative: boolean): { readonly spec: PodSpec; readonly probers: AppProbers } {
  const probers: Record<string, AppProbers[string]> = {};
  const led = (container: Container, probe: Probe, path: string, timeoutSeconds = 1): Probe => {
    const { httpGet, tcpSocket, grpc, ...rest } = probe;
    if (httpGet === undefined && tcpSocket === undefined && grpc === undefined) return probe;
    // Another host than the pod's own is none of the mesh's business.
    if ((httpGet?.host ?? tcpSocket?.host ?? '') !== '') return probe;
    probers[path] = {
      ...(httpGet && { httpGet: { ...httpGet, port: portNumber(container, httpGet.port) } }),
      ...(tcpSocket && { tcpSocket: { port: portNumber(container, tcpSocket.port) } }),
      ...(grpc && { grpc }),
      timeoutSeconds: probe.timeoutSeconds ?? timeoutSeconds,
    };
    return { ...rest, httpGet: { path, port: statusPort, scheme: 'HTTP' } };
  };
  const rewrite = (container: Container): Container => {
    const probed = Object.entries(kinds).flatMap(([field, path]) => {
      const probe = container[field] as Probe | undefined;
      return probe === undefined ? [] : [[field, led(container, probe, `/app-health/${container.name}/${path}`)]];
    });
    const { lifecycle } = container;
    const hooked = Object.entries(hooks).flatMap(([field, path]) => {
      const hook = lifecycle?.[field as keyof typeof hooks];
      return hook === undefined ? [] : [[field, led(container, hook, `/app-lifecycle/${container.name}/${path}`, hookSeconds)]];
    });
    return {
      ...container,
      ...Object.fromEntries(probed),
      ...(lifecycle === undefined ? {} : { lifecycle: { ...lifecycle, ...Object.fromEntries(hooked) } }),
    };
  };
  const { containers, initContainers } = spec;
  return {
    spec: {
      ...spec,
      containers: containers.map(rewrite),
      ...(initContainers && { initContainers: isNative ? initContainers.map(rewrite) : initContainers }),
    },
    probers,
  };
}

function portNumber({ name, ports = [] }: Container, port: number | string): number {
  if (typeof port === 'number') return port;
  if (/^\d+$/.test(port)) return Number(port);
  const named = ports.find((each) => each.name === port);
  if (named === undefined) throw new Error(`container "${name}": a probe asks at port "${port}", which the container does not name`);
  return named.containerPort;
}
