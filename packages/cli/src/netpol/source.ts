import type { KubernetesObject } from '@palisade/kubernetes';
import {
  type ClusterSnapshot,
  type CompiledPolicies,
  compilePolicies,
  type ManifestFile,
  type Manifests,
  readManifests,
  snapshotOf,
  snapshotOfManifests,
} from '@palisade/netpol';
import { excerptOf } from '../excerpt.ts';
import { kubeconfigToUse } from '../kubeconfig.ts';
import { dnsAddresses, fetchObjects, policyKinds, withClient, yamlOf } from './live.ts';
import { readFiles } from './read-files.ts';

export interface SourceOptions {
  /** Files or folders: what they would make is asked about, no cluster. */
  readonly filename?: readonly string[];
  readonly kubeconfig?: string;
}

/** What the questions are asked of, and where its policies' lines are. */
export interface PolicySource {
  readonly objects: readonly KubernetesObject[];
  readonly snapshot: ClusterSnapshot;
  readonly compiled: CompiledPolicies;
  readonly lineOf: Manifests['lineOf'];
  readonly editOf: Manifests['editOf'];
  /** Some lines around `file:line`, with their numbers. */
  excerptOf(line: string): string;
}

const isPolicy = ({ kind }: KubernetesObject): boolean => policyKinds.some((known) => known.kind === kind);

function sourceOf(objects: readonly KubernetesObject[], snapshot: ClusterSnapshot, files: readonly ManifestFile[]): PolicySource {
  const { lineOf, editOf } = readManifests(files);
  return {
    objects,
    snapshot,
    compiled: compilePolicies(snapshot),
    lineOf,
    editOf,
    excerptOf: (line) => excerptOf(files, line),
  };
}

export function sourceOfFiles(paths: readonly string[]): PolicySource {
  const files = readFiles(paths);
  const { objects } = readManifests(files);
  return sourceOf(objects, snapshotOfManifests(objects), files);
}

/** @param paths manifests of the policies, for lines of files instead of those of the cluster's own YAML */
export async function sourceOfCluster(kubeconfig: string | undefined, paths: readonly string[] = []): Promise<PolicySource> {
  const objects = await withClient(kubeconfigToUse(kubeconfig), fetchObjects);
  // Files come last: where a policy stands in both, its line in the file is named.
  const files = [...objects.filter(isPolicy).map(yamlOf), ...(paths.length > 0 ? readFiles(paths) : [])];
  return sourceOf(objects, snapshotOf(objects, dnsAddresses(objects)), files);
}

/** With files: what they say. Without: the cluster of the kubeconfig. */
export async function loadSource({ filename, kubeconfig }: SourceOptions): Promise<PolicySource> {
  return filename ? sourceOfFiles(filename) : await sourceOfCluster(kubeconfig);
}
