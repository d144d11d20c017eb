/** A workload as Istio names it in an endpoint's metadata: `name;namespace;canonical service;canonical revision;cluster`. */
export interface WorkloadName {
  readonly workload: string;
  readonly namespace: string;
  readonly service: string;
  readonly revision: string;
  readonly cluster: string;
}

export const unknown = 'unknown';
export const unknownWorkload: WorkloadName = {
  workload: unknown,
  namespace: unknown,
  service: unknown,
  revision: unknown,
  cluster: unknown,
};

/** Absent parts are unknown. */
export function parseWorkloadName(text: string | undefined): WorkloadName {
  const [workload, namespace, service, revision, cluster] = (text ?? '').split(';').map((part) => part || unknown);
  return {
    workload: workload ?? unknown,
    namespace: namespace ?? unknown,
    service: service ?? unknown,
    revision: revision ?? unknown,
    cluster: cluster ?? unknown,
  };
}

/** What a SPIFFE id says of its workload: the namespace, and nothing else for certain. */
export function workloadOfPrincipal(principal: string | undefined): WorkloadName {
  const namespace = /^spiffe:\/\/[^/]+\/ns\/([^/]+)\/sa\/[^/]+$/.exec(principal ?? '')?.[1];
  return namespace === undefined ? unknownWorkload : { ...unknownWorkload, namespace };
}
