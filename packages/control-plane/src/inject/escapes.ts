/** Ways past the proxy that a pod's own manifest opens ("Mesh Escape 101"): closed where the namespace says `inline`, told elsewhere. */
import type { KubernetesObject } from '@palisade/kubernetes';
import { isMeshNamespace } from '../revision.ts';
import { proxyName } from './decide.ts';
import { injectName, interceptionName } from './names.ts';
import { trafficPrefix } from './options.ts';
import type { Container, PodSpec } from './pod.ts';

/** On a pod: its author knows that it stands outside. */
export const escapeName = 'palisade.dev/escape';

const meshContainers: readonly string[] = ['istio-init', proxyName, 'palisade-waf-init', 'palisade-waf'];

interface Security {
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly privileged?: boolean;
  readonly capabilities?: { readonly add?: readonly string[] };
}

/** One sentence each; none = nothing in the manifest leads past the proxy. */
export function findEscapes(pod: KubernetesObject): string[] {
  const { labels = {}, annotations = {} } = pod.metadata;
  const spec = pod['spec'] as PodSpec & { securityContext?: Security };
  // What injection has put there stands where it stands on purpose.
  const isOurs = ({ name }: Container) => annotations['sidecar.istio.io/status'] !== undefined && meshContainers.includes(name);
  const inject = labels[injectName] ?? annotations[injectName];
  return [
    ...(spec.hostNetwork === true ? ['hostNetwork: its traffic is the node’s'] : []),
    ...(inject !== undefined && inject !== 'true' ? [`${injectName}=${inject}: it has no proxy`] : []),
    ...Object.keys(annotations)
      .filter((name) => name.startsWith(trafficPrefix))
      .map((name) => `${name}: that traffic is left alone`),
    ...[...(spec.initContainers ?? []), ...spec.containers].flatMap((container) =>
      isOurs(container) ? [] : escapesOf(container, spec.securityContext),
    ),
  ];
}

function escapesOf(container: Container, ofPod: Security | undefined): string[] {
  const own = container['securityContext'] as Security | undefined;
  const tell = (what: string) => `container "${container.name}": ${what}`;
  const powers = (own?.capabilities?.add ?? []).filter((name) => ['NET_ADMIN', 'SYS_ADMIN', 'ALL'].includes(name));
  return [
    ...((own?.runAsUser ?? ofPod?.runAsUser) === 1337 ? [tell('runs as user 1337, whose traffic is exempt')] : []),
    ...((own?.runAsGroup ?? ofPod?.runAsGroup) === 1337 ? [tell('runs as group 1337, whose traffic is exempt')] : []),
    ...(own?.privileged === true ? [tell('is privileged and can change the rules')] : []),
    ...powers.map((name) => tell(`has ${name} and can change the rules`)),
  ];
}

/**
 * In a namespace of label `palisade.dev/interception=inline` the proxy is nobody's choice.
 *
 * @param image the proxy's
 * @throws Error naming what would lead past it, unless the pod says that it is meant
 */
export function checkInline(
  pod: KubernetesObject,
  namespace: { readonly name: string; readonly labels: Readonly<Record<string, string>> },
  image: string,
): void {
  const { annotations = {} } = pod.metadata;
  if (namespace.labels[interceptionName] !== 'inline' || !isMeshNamespace(namespace.labels)) return;
  if (annotations[escapeName] === 'allowed') return;
  const spec = pod['spec'] as PodSpec;
  const wish = annotations[interceptionName];
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  // One that was injected already, by the hook for WAFs, is let through; any other of that name would keep injection away.
  const isInjected = (container: Container) =>
    wish === 'inline' && container['image'] === image && JSON.stringify(container['args']) === '["proxy","sidecar"]';
  // User 1337 and capabilities lead nowhere there; only what is outside the proxy's reach is refused.
  const problems = [
    ...findEscapes(pod).filter((text) => !text.startsWith('container ')),
    ...(wish !== undefined && wish !== 'inline' ? [`${interceptionName}=${wish}: it would stand outside`] : []),
    ...containers
      .filter((container) => (container['securityContext'] as Security | undefined)?.privileged === true)
      .map(({ name }) => `container "${name}" is privileged`),
    ...containers
      .filter((container) => container.name === proxyName && !isInjected(container))
      .map(() => `container "${proxyName}" is the pod’s own: it would stand where the mesh’s proxy belongs`),
  ];
  if (problems.length > 0)
    throw new Error(
      `namespace "${namespace.name}" is ${interceptionName}=inline: ${problems.join('; ')}. Remove it, or annotate the pod ${escapeName}=allowed`,
    );
}
