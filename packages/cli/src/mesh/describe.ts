/** `palisade describe pod|service`: what the mesh does with it, on one page. */
import { decideInjection } from '@palisade/control-plane/inject';
import type { KubernetesObject } from '@palisade/kubernetes';
import { backedPorts, findDestinationRule } from '@palisade/mesh/call';
import { type MeshService, securityOf, type Workload } from '@palisade/mesh/traffic';
import { printAnswer } from '../output.ts';
import { findService, findSourcePods, nameOf } from './ends.ts';
import { hasProxy, loadMesh, type MeshSource, type MeshSourceOptions, workloadOf } from './source.ts';
import { isKind, parseTarget, workloadNameOf } from './target.ts';

interface DescribeOptions extends MeshSourceOptions {
  readonly namespace: string;
  readonly output: string;
}

/** @returns 0 */
export async function describe(kind: string, name: string, options: DescribeOptions): Promise<number> {
  if (!isKind(kind)) throw new Error(`Cannot describe a "${kind}": expected pod or service, and its name`);
  const source = await loadMesh(options);
  const target = parseTarget(name.includes('/') ? name : `${kind}/${name}`, options.namespace);
  if (target.kind === 'Service') {
    const data = describeService(source, findService(source, target));
    printAnswer({ text: renderService(data), data }, options.output);
    return 0;
  }
  const [pod] = findSourcePods(source, `${target.namespace}/${target.name}`, options.namespace);
  const data = describePod(source, pod!);
  printAnswer({ text: renderPod(data), data }, options.output);
  return 0;
}

type Described = ReturnType<typeof describePod>;

export function describePod(source: MeshSource, pod: KubernetesObject) {
  const workload = workloadOf(pod);
  const { mtls, authorization, tokens, warnings } = securityOf(source.snapshot, workload);
  const backed = backedPorts(source.snapshot.services, workload);
  const services = [...new Map(backed.map(({ service }) => [service.hostname, service])).values()];
  const containers = containersOf(pod);
  return {
    pod: nameOf(pod),
    serviceAccount: workload.serviceAccount,
    identity: `spiffe://${source.snapshot.settings.trustDomains.local}/ns/${workload.namespace}/sa/${workload.serviceAccount}`,
    hasProxy: hasProxy(pod),
    ...(hasProxy(pod) ? {} : { withoutProxy: whyWithoutProxy(source, pod) }),
    ports: containers.flatMap(({ name, ports = [] }) => ports.map(({ containerPort }) => ({ container: name, port: containerPort }))),
    services: services.map((service) => ({
      ...serviceSummary(source, service, workload.namespace),
      ports: backed
        .filter((each) => each.service === service)
        .map(({ port, targetPort }) => ({ name: port.name, port: port.port, protocol: port.protocol, targetPort })),
    })),
    mtls: { mode: mtls.mode, ports: Object.fromEntries(mtls.ports), decidedBy: mtls.decidedBy },
    issuers: tokens.general.rules.map(({ issuer }) => issuer),
    authorization: authorization.map(({ namespace, name, action, isDryRun, rules }) => ({
      namespace,
      name,
      action,
      isDryRun,
      rules: rules.length,
    })),
    warnings: [...warnings, ...portWarnings(workload, backed, containers)],
  };
}

/** @returns why the pod has no proxy, and what would give it one */
function whyWithoutProxy({ namespaces }: MeshSource, pod: KubernetesObject) {
  const { namespace = 'default' } = pod.metadata;
  const labels = namespaces.find(({ metadata }) => metadata.name === namespace)?.metadata.labels ?? {};
  const { isInjected, because, remedy } = decideInjection(pod, { name: namespace, labels });
  if (isInjected) return { because: `it was made before ${because} stood there`, remedy: 'make the pod again: kubectl rollout restart' };
  return { because, ...(remedy === undefined ? {} : { remedy: `${remedy}; then make the pod again: kubectl rollout restart` }) };
}

type Containers = readonly { readonly name: string; readonly ports?: readonly { readonly containerPort: number }[] }[];

function containersOf(pod: KubernetesObject): Containers {
  const spec = pod['spec'] as { containers?: Containers; initContainers?: Containers } | undefined;
  return [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
}

function portWarnings(workload: Workload, backed: ReturnType<typeof backedPorts>, containers: Containers): string[] {
  const missing = ['app', 'version'].filter((label) => workload.labels[label] === undefined);
  const served = new Set(backed.map(({ targetPort }) => targetPort));
  const unserved = containers
    .filter(({ name }) => name !== 'istio-proxy')
    .flatMap(({ ports = [] }) => ports.filter((port) => !served.has(port.containerPort)));
  return [
    ...missing.map((label) => `no label "${label}": telemetry cannot tell it apart`),
    ...unserved.map(
      ({ containerPort }) => `port ${containerPort} is behind no service: callers reach it by the pod's address, in plain text`,
    ),
    ...backed
      .filter(({ port }) => port.protocol === 'auto')
      .map(({ port }) => `port ${port.port} does not say its protocol: name it "http-…" or "tcp-…", or set appProtocol`),
  ];
}

function serviceSummary({ snapshot }: MeshSource, service: MeshService, client: string) {
  const places = { client, service: service.namespace, root: snapshot.settings.rootNamespace };
  const rule = findDestinationRule(snapshot.destinationRules, service.hostname, places);
  const routes = snapshot.virtualServices.filter(({ hosts }) => hosts.some((host) => String(host) === service.hostname));
  return {
    service: `${service.namespace}/${service.name}`,
    ...(rule === undefined
      ? {}
      : {
          destinationRule: {
            name: `${rule.namespace}/${rule.name}`,
            tls: rule.policy.tls?.mode ?? 'automatic',
            subsets: rule.subsets.map(({ name }) => name),
          },
        }),
    virtualServices: routes.map(({ namespace, name }) => `${namespace}/${name}`),
  };
}

export function describeService(source: MeshSource, service: MeshService) {
  const addresses = new Set(service.endpoints.map(({ address }) => address));
  const pods = source.pods.filter((pod) => workloadOf(pod).addresses.some((address) => addresses.has(address)));
  return {
    ...serviceSummary(source, service, service.namespace),
    ports: service.ports,
    workloads: [...new Set(pods.map(workloadNameOf))].sort(),
    pods: pods.map((pod) => describePod(source, pod)),
  };
}

const rule = '--------------------';

function renderPod(pod: Described): string {
  return [
    `Pod: ${pod.pod}`,
    `   Identity: ${pod.identity}`,
    ...(pod.withoutProxy === undefined
      ? ['   Proxy: yes']
      : [`   Proxy: NONE: nothing below is enforced, because ${pod.withoutProxy.because}`]),
    ...(pod.withoutProxy?.remedy === undefined ? [] : [`   To get one: ${pod.withoutProxy.remedy}`]),
    ...(pod.ports.length > 0 ? [`   Pod Ports: ${pod.ports.map(({ port, container }) => `${port} (${container})`).join(', ')}`] : []),
    ...pod.services.flatMap((service) => [rule, ...renderSummary(service), ...service.ports.map(renderPort)]),
    rule,
    `Mutual TLS: ${pod.mtls.mode}${Object.entries(pod.mtls.ports)
      .map(([port, mode]) => `, port ${port} ${mode}`)
      .join('')}${pod.mtls.decidedBy.length > 0 ? ` (${pod.mtls.decidedBy.join(', ')})` : ' (default)'}`,
    ...(pod.issuers.length > 0 ? [`Tokens of: ${pod.issuers.join(', ')}`] : []),
    pod.authorization.length === 0 ? 'RBAC: no policy, every caller is allowed' : 'RBAC policies:',
    ...pod.authorization.map(
      ({ namespace, name, action, isDryRun, rules }) =>
        `   ${action}${isDryRun ? ' (dry run)' : ''} ${namespace}/${name}, ${rules} rule${rules === 1 ? '' : 's'}`,
    ),
    ...pod.warnings.map((warning) => `WARNING: ${warning}`),
  ].join('\n');
}

function renderSummary({ service, destinationRule, virtualServices }: ReturnType<typeof serviceSummary>): string[] {
  return [
    `Service: ${service}`,
    ...(destinationRule === undefined
      ? []
      : [
          `   DestinationRule: ${destinationRule.name}, TLS ${destinationRule.tls}${destinationRule.subsets.length > 0 ? `, subsets ${destinationRule.subsets.join(', ')}` : ''}`,
        ]),
    ...virtualServices.map((name) => `   VirtualService: ${name}`),
  ];
}

function renderPort({ name, port, protocol, targetPort }: Described['services'][number]['ports'][number]): string {
  return `   Port: ${name === '' ? '' : `${name} `}${port}/${protocol} targets pod port ${targetPort}`;
}

function renderService(service: ReturnType<typeof describeService>): string {
  return [
    ...renderSummary(service),
    ...service.ports.map(({ name, port, protocol }) => `   Port: ${name === '' ? '' : `${name} `}${port}/${protocol}`),
    `   Workloads: ${service.workloads.join(', ') || 'none'}`,
    ...service.pods.flatMap((pod) => [rule, renderPod(pod)]),
  ].join('\n');
}
