/** PeerAuthentication: which of plaintext and mutual TLS a workload accepts, by port. */
import { selects, type WorkloadPlace } from '../authz/select.ts';

export const MtlsMode = { permissive: 'PERMISSIVE', strict: 'STRICT', disable: 'DISABLE' } as const;
export type MtlsMode = (typeof MtlsMode)[keyof typeof MtlsMode];

export interface PeerAuthentication {
  readonly namespace: string;
  readonly name: string;
  /** Unix seconds: the oldest of one scope wins. */
  readonly createdSeconds: number;
  readonly selector?: Readonly<Record<string, string>>;
  /** Absent (UNSET) = inherited. */
  readonly mode?: MtlsMode;
  /** By workload port; absent mode = the workload's. Acts only beside a selector. */
  readonly ports: ReadonlyMap<number, MtlsMode | undefined>;
}

export interface MergedMtls {
  readonly mode: MtlsMode;
  /** Ports that differ, or were named to inherit. */
  readonly ports: ReadonlyMap<number, MtlsMode>;
  /** The policies that decided, outermost first: for explanations. */
  readonly decidedBy: readonly string[];
}

/**
 * Workload before namespace before mesh; what is unset inherits, at last PERMISSIVE. In the root namespace a policy with a selector is
 * ignored, as in Istio.
 */
export function mergePeerAuthentication(
  policies: readonly PeerAuthentication[],
  workload: WorkloadPlace,
  rootNamespace: string,
): MergedMtls {
  const oldestFirst = [...policies].sort(
    (a, b) => a.createdSeconds - b.createdSeconds || compare(a.name, b.name) || compare(a.namespace, b.namespace),
  );
  const hasSelector = (policy: PeerAuthentication) => Object.keys(policy.selector ?? {}).length > 0;
  const mesh = oldestFirst.find((policy) => policy.namespace === rootNamespace && !hasSelector(policy));
  const isOwn = (policy: PeerAuthentication) => policy.namespace === workload.namespace && workload.namespace !== rootNamespace;
  const namespace = oldestFirst.find((policy) => isOwn(policy) && !hasSelector(policy));
  const own = oldestFirst.find((policy) => isOwn(policy) && hasSelector(policy) && selects(policy.selector, workload.labels));
  const chain = [mesh, namespace, own].filter((policy) => policy !== undefined);
  const mode = chain.reduce<MtlsMode>((inherited, policy) => policy.mode ?? inherited, MtlsMode.permissive);
  const ports = new Map([...(own?.ports ?? [])].map(([port, portMode]) => [port, portMode ?? mode]));
  return { mode, ports, decidedBy: chain.map((policy) => `${policy.namespace}/${policy.name}`) };
}

export function portMode(merged: MergedMtls, port: number): MtlsMode {
  return merged.ports.get(port) ?? merged.mode;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
