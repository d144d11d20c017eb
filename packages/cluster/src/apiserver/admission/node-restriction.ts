import { forbidden, type KubernetesObject } from '@palisade/kubernetes';
import { nodeOf, referredNames } from '../auth/node-authorizer.ts';
import { type Core, type Operation, readObject, type Scope } from '../core.ts';

/** Of the copy in the API of a pod that a kubelet has from elsewhere. */
export const MIRROR = 'kubernetes.io/config.mirror';
const RESTRICTED = 'node-restriction.kubernetes.io';

/** Labels below Kubernetes' own domains that a kubelet may give its node. */
const KUBELET_LABELS = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/os',
  'kubernetes.io/arch',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
  'node.kubernetes.io/instance-type',
  'node.kubernetes.io/windows-build',
  'beta.kubernetes.io/instance-type',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/arch',
]); // prettier-ignore
const KUBELET_DOMAINS = ['kubelet.kubernetes.io', 'node.kubernetes.io'];

/**
 * Admission plugin NodeRestriction: what the Node authorizer lets a kubelet write is its own node, its own lease, the status of its own
 * pods, and tokens for them. Whoever steals a kubelet's certificate has one node, not the cluster.
 *
 * @throws StatusError 403
 */
export function admitNode(
  core: Core,
  scope: Scope,
  operation: Operation,
  object: KubernetesObject | undefined,
  old: KubernetesObject | undefined,
): void {
  const node = nodeOf(scope.user);
  if (node === undefined) return;
  const refuse = (why: string) => forbidden(scope.resource.gvr, scope.name || (object?.metadata.name ?? ''), why);
  switch (scope.resource.storeType) {
    case 'pods':
      restrictPod(core, scope, operation, object, old, node, refuse);
      return;
    case 'nodes':
      restrictOwnNode(scope, operation, object, old, node, refuse);
      return;
    case 'leases.coordination.k8s.io':
      if (scope.namespace !== 'kube-node-lease') throw refuse('can only access leases in the "kube-node-lease" system namespace');
      if ((object ?? old)?.metadata.name !== node) throw refuse('can only access node lease with the same name as the requesting node');
      return;
    case 'csinodes.storage.k8s.io':
      if ((object ?? old)?.metadata.name !== node) throw refuse('can only access CSINode with the same name as the requesting node');
      return;
    default:
  }
}

type Refuse = (why: string) => Error;

function restrictPod(
  core: Core,
  { namespace, name, subresource }: Scope,
  operation: Operation,
  object: KubernetesObject | undefined,
  old: KubernetesObject | undefined,
  node: string,
  refuse: Refuse,
): void {
  if (subresource === 'eviction') {
    const pod = readObject(core, 'pods', namespace, name);
    if (pod?.['spec']?.nodeName !== node) throw refuse(`node ${node} can only evict pods with spec.nodeName set to itself`);
    return;
  }
  if (subresource === 'status') {
    if (old?.['spec']?.nodeName !== node)
      throw refuse(`node "${node}" can only update pod status for pods with spec.nodeName set to itself`);
    if (modified(object?.metadata.labels, old?.metadata.labels).length > 0)
      throw refuse(`node "${node}" cannot update labels through pod status`);
    return;
  }
  if (subresource !== '') throw refuse(`unexpected pod subresource "${subresource}", only 'status' and 'eviction' are allowed`);
  if (operation === 'DELETE') {
    if (old?.['spec']?.nodeName !== node) throw refuse(`node "${node}" can only delete pods with spec.nodeName set to itself`);
    return;
  }
  if (operation !== 'CREATE' || object === undefined)
    throw refuse(`unexpected operation "${operation}", node "${node}" can only create and delete mirror pods`);
  restrictMirror(core, object, node, refuse);
}

function restrictMirror(core: Core, pod: KubernetesObject, node: string, refuse: Refuse): void {
  if (pod.metadata.annotations?.[MIRROR] === undefined)
    throw refuse(`pod does not have "${MIRROR}" annotation, node "${node}" can only create mirror pods`);
  if (pod['spec']?.nodeName !== node) throw refuse(`node "${node}" can only create pods with spec.nodeName set to itself`);
  const [owner, ...more] = pod.metadata.ownerReferences ?? [];
  if (owner === undefined) throw refuse(`node "${node}" can only create pods with an owner reference set to itself`);
  if (more.length > 0) throw refuse(`node "${node}" can only create pods with a single owner reference set to itself`);
  if (owner.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== node)
    throw refuse(`node "${node}" can only create pods with an owner reference set to itself`);
  if (owner.controller !== true) throw refuse(`node "${node}" can only create pods with a controller owner reference set to itself`);
  if (owner.blockOwnerDeletion === true) throw refuse(`node "${node}" must not set blockOwnerDeletion on an owner reference`);
  const self = readObject(core, 'nodes', '', node);
  if (self === undefined) throw refuse(`error looking up node ${node} to verify uid: node "${node}" not found`);
  if (self.metadata.uid !== owner.uid) throw refuse(`node ${node} UID mismatch: expected ${owner.uid} got ${self.metadata.uid}`);
  const kinds = ['secrets', 'configmaps', 'persistentvolumeclaims'] as const;
  const referred = kinds.find((kind) => referredNames(pod, kind).length > 0);
  const reference = pod['spec'].serviceAccountName ? 'serviceaccounts' : referred;
  if (reference !== undefined) throw refuse(`node "${node}" can not create pods that reference ${reference}`);
}

function restrictOwnNode(
  scope: Scope,
  operation: Operation,
  object: KubernetesObject | undefined,
  old: KubernetesObject | undefined,
  node: string,
  refuse: Refuse,
): void {
  const asked = object?.metadata.name ?? scope.name;
  if (asked !== node) throw refuse(`node "${node}" is not allowed to modify node "${asked}"`);
  if (operation === 'CREATE') {
    const labels = forbiddenLabels(modified(object?.metadata.labels, undefined));
    if (labels.length > 0) throw refuse(`node "${node}" is not allowed to set the following labels: ${labels.join(', ')}`);
    return;
  }
  if (operation !== 'UPDATE') return;
  if (JSON.stringify(object?.['spec']?.taints ?? []) !== JSON.stringify(old?.['spec']?.taints ?? []))
    throw refuse(`node "${node}" is not allowed to modify taints`);
  if (JSON.stringify(object?.metadata.ownerReferences ?? []) !== JSON.stringify(old?.metadata.ownerReferences ?? []))
    throw refuse(`node "${node}" is not allowed to modify ownerReferences`);
  const labels = forbiddenLabels(modified(object?.metadata.labels, old?.metadata.labels));
  if (labels.length > 0) throw refuse(`is not allowed to modify labels: ${labels.join(', ')}`);
}

/**
 * A kubelet asks for tokens of the pods bound to its node alone, for audiences those pods have projected.
 *
 * @param spec of the TokenRequest
 * @throws StatusError 403
 */
export function admitNodeToken(core: Core, scope: Scope, spec: TokenSpec): void {
  const node = nodeOf(scope.user);
  if (node === undefined) return;
  const refuse = (why: string) => forbidden(scope.resource.gvr, scope.name, why);
  const { boundObjectRef: ref, audiences = [] } = spec;
  if (ref?.kind !== 'Pod' || !ref.name) throw refuse('node requested token not bound to a pod');
  if (!ref.uid) throw refuse('node requested token with a pod binding without a uid');
  const pod = readObject(core, 'pods', scope.namespace, ref.name);
  if (pod === undefined) throw refuse(`pod "${ref.name}" not found`);
  if (pod.metadata.uid !== ref.uid) {
    throw refuse(
      `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  }
  if (pod['spec']?.nodeName !== node) throw refuse('node requested token bound to a pod scheduled on a different node');
  if (audiences.length > 1) throw refuse('node may only request 0 or 1 audiences');
  const audience = audiences[0] ?? '';
  if (!projectedAudiences(pod).includes(audience)) throw refuse(`audience "${audience}" not found in pod spec volume`);
}

interface TokenSpec {
  readonly boundObjectRef?: { readonly kind?: string; readonly name?: string; readonly uid?: string } | null;
  readonly audiences?: readonly string[];
}

/** Audiences of the tokens a pod has projected into it; the server's own is the empty one. */
function projectedAudiences(pod: KubernetesObject): string[] {
  const volumes: { projected?: { sources?: { serviceAccountToken?: { audience?: string } }[] } }[] = pod['spec']?.volumes ?? [];
  return volumes
    .flatMap((volume) => volume.projected?.sources ?? [])
    .filter((source) => source.serviceAccountToken !== undefined)
    .map((source) => source.serviceAccountToken?.audience ?? '');
}

type Labels = Readonly<Record<string, string>> | undefined;

function modified(now: Labels, before: Labels): string[] {
  return Object.keys({ ...now, ...before }).filter((key) => now?.[key] !== before?.[key]);
}

function forbiddenLabels(keys: readonly string[]): string[] {
  const within = (domain: string, parent: string) => domain === parent || domain.endsWith(`.${parent}`);
  return keys
    .filter((key) => {
      const domain = key.includes('/') ? key.slice(0, key.indexOf('/')) : '';
      if (within(domain, RESTRICTED)) return true;
      if (!within(domain, 'kubernetes.io') && !within(domain, 'k8s.io')) return false;
      return !KUBELET_LABELS.has(key) && !KUBELET_DOMAINS.some((allowed) => within(domain, allowed));
    })
    .sort();
}
