/** What a pod's annotations, its namespace's labels and the mesh's settings choose for its proxy. A wrong word refuses the pod. */
import { readCapture } from '@palisade/agent/intercept';
import type { KubernetesObject } from '@palisade/kubernetes';
import { parse } from 'yaml';
import { interceptionName } from './names.ts';
import type { Container, PodSpec } from './pod.ts';

export interface InjectionSettings {
  readonly image: string;
  /** Where the proxy finds us: `istiod.istio-system.svc:15012`. */
  readonly discoveryAddress: string;
  readonly trustDomain: string;
  readonly dataplane: Dataplane;
  readonly profile: 'current' | 'legacy';
  readonly interception: Interception;
}

/** `redirect`: rules in the pod's own namespace, as Istio's. `inline`: the proxy stands between the pod and the network. */
export type Interception = 'redirect' | 'inline';

export type Dataplane = 'palisade' | 'envoy';

export interface InjectionOptions {
  readonly dataplane: Dataplane;
  /** An init container that keeps running; otherwise a container among the application's. */
  readonly isNative: boolean;
  /** A classic sidecar holds the application until it is ready; a native one always does. */
  readonly isHolding: boolean;
  /** Further variables of the proxy's container. */
  readonly proxyMetadata: Readonly<Record<string, string>>;
  readonly rewritesProbes: boolean;
  readonly interception: Interception;
  /** Variables of the init container: which traffic is redirected. */
  readonly capture: Readonly<Record<string, string>>;
  readonly resources: { readonly requests?: Readonly<Record<string, string>>; readonly limits?: Readonly<Record<string, string>> };
}

export const trafficPrefix = 'traffic.sidecar.istio.io/';
const traffic = [
  'includeInboundPorts',
  'excludeInboundPorts',
  'includeOutboundPorts',
  'excludeOutboundPorts',
  'includeOutboundIPRanges',
  'excludeOutboundIPRanges',
  'excludeInterfaces',
] as const;

/** Of a mode there is one: any other is refused. */
const modeName = 'sidecar.istio.io/interceptionMode';
const templatesName = 'inject.istio.io/templates';
export const configName = 'proxy.istio.io/config';

/** Istio's that are followed here or refused; `sidecar.istio.io/inject` decides before, `…/status` is injection's own. */
export const readAnnotations: readonly string[] = [
  ...traffic.map((name) => `${trafficPrefix}${name}`),
  ...['inject', 'status', 'nativeSidecar', 'rewriteAppHTTPProbers', 'proxyCPU', 'proxyMemory', 'proxyCPULimit', 'proxyMemoryLimit'].map(
    (name) => `sidecar.istio.io/${name}`,
  ),
  ...[modeName, templatesName, configName],
];

/** Of `proxy.istio.io/config`. */
export const readConfigFields: readonly string[] = ['holdApplicationUntilProxyStarts', 'proxyMetadata'];

export function readOptions(
  pod: KubernetesObject,
  namespaceLabels: Readonly<Record<string, string>>,
  settings: Pick<InjectionSettings, 'dataplane' | 'profile' | 'interception'>,
): InjectionOptions {
  const annotations = pod.metadata.annotations ?? {};
  const chosen = <T extends string>(name: string, choices: readonly T[], otherwise: T): T => {
    const own = annotations[name] ?? namespaceLabels[name];
    return own === undefined ? otherwise : choice(name, own, choices);
  };
  const flag = (name: string, otherwise: boolean) =>
    annotations[name] === undefined ? otherwise : choice(name, annotations[name], ['true', 'false'] as const) === 'true';
  const isNative = flag('sidecar.istio.io/nativeSidecar', true);
  const interception = chosen(interceptionName, ['redirect', 'inline'], settings.interception);
  const excluded = Object.keys(annotations).find((name) => name.startsWith(trafficPrefix));
  if (interception === 'inline' && excluded !== undefined)
    refuse(excluded, `${interceptionName} is inline, which takes everything: choose redirect`);
  const mode = annotations[modeName];
  if (mode !== undefined) choice(modeName, mode, ['REDIRECT'] as const);
  const templates = annotations[templatesName];
  if (templates !== undefined) choice(templatesName, templates, ['sidecar'] as const);
  return {
    dataplane: chosen('palisade.dev/dataplane', ['palisade', 'envoy'], settings.dataplane),
    interception,
    isNative,
    ...readProxyConfig(annotations[configName]),
    rewritesProbes: flag('sidecar.istio.io/rewriteAppHTTPProbers', true),
    capture: {
      // 1.1 took only what was declared: all other ports went past the proxy.
      ...(settings.profile === 'legacy' ? { INCLUDE_INBOUND_PORTS: declaredPorts((pod['spec'] as PodSpec).containers) } : {}),
      ...Object.fromEntries(traffic.flatMap((name) => readTraffic(name, annotations[`${trafficPrefix}${name}`]))),
    },
    resources: readResources(annotations),
  };
}

/** What the init container would refuse is refused here, before there is a pod that cannot start. */
function readTraffic(name: string, value: string | undefined): [string, string][] {
  if (value === undefined) return [];
  const variable = variableOf(name);
  try {
    readCapture({ [variable]: value });
  } catch (error) {
    refuse(`${trafficPrefix}${name}`, (error as Error).message.replace(`${variable}: `, ''));
  }
  return [[variable, value]];
}

/** `excludeOutboundIPRanges` is EXCLUDE_OUTBOUND_IP_RANGES. */
function variableOf(name: string): string {
  return name.replace('IPRanges', 'IpRanges').replaceAll(/[A-Z]/g, '_$&').toUpperCase();
}

function declaredPorts(containers: readonly Container[]): string {
  const ports = containers.flatMap((container) => container.ports ?? []).filter(({ protocol = 'TCP' }) => protocol === 'TCP');
  return ports.map(({ containerPort }) => containerPort).join(',');
}

const rulingVariable = /^(?:PALISADE_|NODE_|LD_|PATH$)/;

/** Of Istio's ProxyConfig: `holdApplicationUntilProxyStarts`, and variables for the proxy's container in `proxyMetadata`. */
function readProxyConfig(text: string | undefined): Pick<InjectionOptions, 'isHolding' | 'proxyMetadata'> {
  const fields = (text === undefined ? {} : (parse(text) ?? {})) as Readonly<Record<string, unknown>>;
  if (typeof fields !== 'object' || Array.isArray(fields))
    refuse(configName, `found ${JSON.stringify(text)}, expected the fields of a ProxyConfig`);
  const { holdApplicationUntilProxyStarts: held = true, proxyMetadata = {} } = fields;
  if (typeof held !== 'boolean') refuse(configName, `holdApplicationUntilProxyStarts is ${JSON.stringify(held)}, expected true or false`);
  const variables = Object.entries(proxyMetadata as object);
  const wrong = variables.find(([variable, value]) => !/^[A-Z][A-Z0-9_]*$/.test(variable) || typeof value !== 'string');
  if (wrong !== undefined)
    refuse(configName, `proxyMetadata.${wrong[0]} is ${JSON.stringify(wrong[1])}, expected an upper-case name and a text`);
  const ruling = variables.find(([variable]) => rulingVariable.test(variable));
  if (ruling !== undefined)
    refuse(configName, `proxyMetadata.${ruling[0]} decides what runs in the proxy’s container, which is the mesh’s to say`);
  return { isHolding: held, proxyMetadata: Object.fromEntries(variables) };
}

function readResources(annotations: Readonly<Record<string, string>>): InjectionOptions['resources'] {
  const quantities = (cpu: string, memory: string) =>
    Object.fromEntries(
      [
        ['cpu', annotations[`sidecar.istio.io/${cpu}`]],
        ['memory', annotations[`sidecar.istio.io/${memory}`]],
      ].filter(([, value]) => value !== undefined),
    ) as Record<string, string>;
  const [requests, limits] = [quantities('proxyCPU', 'proxyMemory'), quantities('proxyCPULimit', 'proxyMemoryLimit')];
  return { ...(Object.keys(requests).length > 0 && { requests }), ...(Object.keys(limits).length > 0 && { limits }) };
}

function choice<T extends string>(name: string, value: string, choices: readonly T[]): T {
  return choices.find((each) => each === value) ?? refuse(name, `found "${value}", expected ${choices.join(' or ')}`);
}

function refuse(name: string, problem: string): never {
  throw new Error(`${name}: ${problem}`);
}
