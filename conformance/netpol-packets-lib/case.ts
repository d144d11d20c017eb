import type { KubernetesObject } from '@palisade/kubernetes';

/** One packet asked about, between pods (`ns/name`) or addresses. */
export interface Question {
  readonly from: string;
  readonly to: string;
  readonly protocol: string;
  readonly port: number;
}

export interface Expectation extends Question {
  readonly allowed: boolean;
}

/** Policies, and what packets are to meet under them. */
export interface PacketCase {
  readonly name: string;
  policies(): readonly KubernetesObject[];
  /** Said by somebody else than our evaluator. */
  expectations(): readonly Expectation[];
}

/** Every pair of different pods. */
export function pairsOf(pods: readonly string[]): { from: string; to: string }[] {
  return pods.flatMap((from) => pods.filter((to) => to !== from).map((to) => ({ from, to })));
}
