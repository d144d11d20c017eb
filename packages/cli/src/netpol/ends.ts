import type { KubernetesObject } from '@palisade/kubernetes';
import { type PacketEnd, parseAddress } from '@palisade/netpol';
import type { PolicySource } from './source.ts';

/** One end of a question: pods that are asked about alike, or an address. */
export interface AskedEnd {
  readonly text: string;
  /** At least one; several for a workload or a Service whose pods policies tell apart. */
  readonly ends: readonly PacketEnd[];
  /** For a Service: where its port leads. Policies see that one. */
  targetPort(port: number, protocol: string): number;
}

const samePort = (port: number): number => port;

/**
 * Finds `pod`, `namespace/pod`, `deployment/name`, `namespace/deployment/name`, `service/name` or an address.
 *
 * @throws Error when nothing has that name
 */
export function findEnd(source: PolicySource, text: string, namespace: string): AskedEnd {
  if (parseAddress(text)) return { text, ends: [{ ip: text }], targetPort: samePort };
  const steps = text.split('/');
  const name = steps.at(-1)!;
  const isKind = (step: string | undefined): step is string => step !== undefined && KINDS.has(step.toLowerCase());
  const kindStep = [steps.length === 2 ? steps[0] : undefined, steps.length === 3 ? steps[1] : undefined].find(isKind);
  const kind = kindStep && KINDS.get(kindStep.toLowerCase());
  const where = steps.length === 3 ? steps[0]! : steps.length === 2 && kind === undefined ? steps[0]! : namespace;
  if (steps.length > 3 || name === '' || (steps.length === 3 && kind === undefined)) throw notUnderstood(text);
  if (kind === 'Service') return serviceEnd(source, where, name);
  const inPlace = source.compiled.pods.filter(({ fact }) => fact.namespace === where);
  const exact = kind === undefined || kind === 'Pod' ? inPlace.filter(({ fact }) => fact.name === name) : [];
  const found =
    exact.length > 0
      ? exact
      : inPlace.filter(({ fact }) => (kind === undefined ? fact.workload?.endsWith(`/${name}`) : fact.workload === `${kind}/${name}`));
  if (found.length === 0) throw notFound(source, text, where);
  // Pods of one class get one answer: asking for one of them is enough.
  const perClass = [...new Map(found.map((pod) => [pod.class ?? pod, pod])).values()];
  return { text, ends: perClass.map(({ fact }) => ({ pod: `${fact.namespace}/${fact.name}` })), targetPort: samePort };
}

const KINDS = new Map([
  ...['Pod', 'Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'Job', 'CronJob', 'Service'].map(
    (kind) => [kind.toLowerCase(), kind] as const,
  ),
  ['po', 'Pod'],
  ['deploy', 'Deployment'],
  ['sts', 'StatefulSet'],
  ['ds', 'DaemonSet'],
  ['rs', 'ReplicaSet'],
  ['svc', 'Service'],
]);

interface ServicePort {
  readonly port: number;
  readonly protocol?: string;
  readonly targetPort?: number | string;
}

function serviceEnd(source: PolicySource, namespace: string, name: string): AskedEnd {
  const text = `service/${namespace}/${name}`;
  const service = source.objects.find(
    ({ kind, metadata }: KubernetesObject) =>
      kind === 'Service' && (metadata.namespace ?? 'default') === namespace && metadata.name === name,
  );
  if (!service) throw new Error(`Cannot find Service ${namespace}/${name}`);
  const selector = Object.entries((service['spec']?.selector ?? {}) as Record<string, string>);
  const pods = source.compiled.pods.filter(
    ({ fact }) => selector.length > 0 && fact.namespace === namespace && selector.every(([key, value]) => fact.labels[key] === value),
  );
  if (pods.length === 0) throw new Error(`Cannot ask about Service ${namespace}/${name}: it selects no pod`);
  const perClass = [...new Map(pods.map((pod) => [pod.class ?? pod, pod])).values()];
  return {
    text,
    ends: perClass.map(({ fact }) => ({ pod: `${fact.namespace}/${fact.name}` })),
    targetPort(port, protocol) {
      const ports = (service['spec']?.ports ?? []) as ServicePort[];
      const asked = ports.find((one) => one.port === port && (one.protocol ?? 'TCP') === protocol);
      if (!asked) {
        const known = ports.map((one) => `${one.protocol ?? 'TCP'} ${one.port}`).join(', ');
        throw new Error(`Cannot use port ${protocol} ${port}: Service ${namespace}/${name} has ${known}`);
      }
      const target = asked.targetPort ?? port;
      if (typeof target === 'number') return target;
      const named = perClass.flatMap(({ fact }) => fact.ports).find((one) => one.name === target);
      if (!named) throw new Error(`Cannot use port ${port} of Service ${namespace}/${name}: no pod of it has a port named "${target}"`);
      return named.port;
    },
  };
}

function notUnderstood(text: string): Error {
  return new Error(`Cannot understand "${text}": expected pod, namespace/pod, deployment/name, service/name or an address`);
}

function notFound(source: PolicySource, text: string, namespace: string): Error {
  const near = source.compiled.pods.filter(({ fact }) => fact.namespace === namespace).map(({ fact }) => fact.name);
  const known = near.length > 0 ? `pods there: ${near.slice(0, 8).join(', ')}${near.length > 8 ? ', …' : ''}` : 'no pods there';
  return new Error(`Cannot find "${text}" in namespace ${namespace}: ${known}`);
}
