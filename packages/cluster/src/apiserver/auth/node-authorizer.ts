import { claimNameOf, type KubernetesObject } from '@palisade/kubernetes';
import type { UserInfo } from '../../contract.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { type Attributes, type Authorizer, anyOf, type Decision } from './authorizer.ts';
import { bootstrapRole } from './bootstrap-policy.ts';
import { covers, type PolicyRule } from './rbac.ts';

const LEASES = 'kube-node-lease';
type Resource = NonNullable<Attributes['resource']>;

/** The node a kubelet speaks for: user `system:node:NAME` in group `system:nodes`; undefined for everybody else. */
export function nodeOf({ username, groups }: Pick<UserInfo, 'username' | 'groups'>): string | undefined {
  const name = username.startsWith('system:node:') ? username.slice('system:node:'.length) : '';
  return name !== '' && groups.includes('system:nodes') ? name : undefined;
}

const ALLOWED: Decision = { allowed: true, reason: '' };
const denied = (reason = ''): Decision => ({ allowed: false, reason });

/**
 * The Node authorizer: a kubelet reads what pods bound to its node refer to and nothing else of its kind, and writes its own node,
 * lease and pods' status. Whatever it has no word for, the static rules of the role `system:node` decide.
 */
class NodeAuthorizer implements Authorizer {
  readonly #store: ObjectStore;
  #rules: readonly PolicyRule[] | undefined;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  authorize(attributes: Attributes): Decision {
    const node = nodeOf(attributes.user);
    if (node === undefined) return denied();
    const { resource, verb } = attributes;
    if (resource === undefined) return this.#byRole(attributes);
    switch (resource.group === '' ? resource.resource : `${resource.resource}.${resource.group}`) {
      case 'secrets':
      case 'configmaps':
        return this.#read(node, verb, resource);
      case 'persistentvolumeclaims':
        return resource.subresource === 'status' ? this.#claimStatus(node, verb, resource) : this.#get(node, verb, resource);
      case 'persistentvolumes':
      case 'volumeattachments.storage.k8s.io':
        return this.#get(node, verb, resource);
      case 'serviceaccounts':
        return this.#token(node, verb, resource);
      case 'leases.coordination.k8s.io':
        return ownLease(node, verb, resource);
      case 'csinodes.storage.k8s.io':
        return ownCsiNode(node, verb, resource);
      case 'nodes':
        return ownNode(node, verb, resource);
      case 'pods':
        return this.#pod(node, verb, resource);
      default:
        return this.#byRole(attributes);
    }
  }

  #byRole(attributes: Attributes): Decision {
    this.#rules ??= bootstrapRole('system:node');
    return this.#rules.some((rule) => covers(rule, attributes)) ? ALLOWED : denied();
  }

  #read(node: string, verb: string, resource: Resource): Decision {
    if (!['get', 'list', 'watch'].includes(verb)) return denied('can only read resources of this type');
    if (resource.subresource !== '') return denied('cannot read subresource');
    if (resource.namespace === '') return denied('can only read namespaced object of this type');
    return this.#related(node, resource);
  }

  #get(node: string, verb: string, resource: Resource): Decision {
    if (verb !== 'get') return denied('can only get individual resources of this type');
    if (resource.subresource !== '') return denied('cannot get subresource');
    return this.#related(node, resource);
  }

  #claimStatus(node: string, verb: string, resource: Resource): Decision {
    return verb === 'update' || verb === 'patch' ? this.#related(node, resource) : denied('can only get/update/patch this type');
  }

  #token(node: string, verb: string, resource: Resource): Decision {
    if (verb === 'get' && resource.subresource === '') return denied('not allowed to get service accounts');
    if (verb !== 'create' || resource.name === '') return denied('can only create tokens for individual service accounts');
    if (resource.subresource !== 'token') return denied('can only create token subresource of serviceaccount');
    return this.#related(node, resource);
  }

  #pod(node: string, verb: string, resource: Resource): Decision {
    const { subresource, fields = [] } = resource;
    if (subresource === 'status') return verb === 'update' || verb === 'patch' ? ALLOWED : denied();
    if (subresource === 'eviction') return verb === 'create' ? ALLOWED : denied();
    if (subresource !== '') return denied();
    if (verb === 'get') return this.#related(node, resource);
    if (verb === 'list' || verb === 'watch') {
      return fields.some(({ field, op, value }) => field === 'spec.nodeName' && op === '=' && value === node)
        ? ALLOWED
        : denied('can only list/watch pods with spec.nodeName field selector');
    }
    return verb === 'create' || verb === 'delete' ? ALLOWED : denied();
  }

  #related(node: string, resource: Resource): Decision {
    if (resource.name === '') return denied('No Object name found');
    const pods = this.#store.list('pods', resource.namespace === '' ? undefined : resource.namespace);
    const isRelated = pods.some(({ object }) => object['spec']?.nodeName === node && this.#refersTo(object, resource));
    return isRelated ? ALLOWED : denied(`no relationship found between node '${node}' and this object`);
  }

  #refersTo(pod: KubernetesObject, { resource, name }: Resource): boolean {
    switch (resource) {
      case 'pods':
        return pod.metadata.name === name;
      case 'serviceaccounts':
        // A mirror pod has none.
        return pod['spec'].serviceAccountName === name;
      case 'persistentvolumes':
        return referredNames(pod, 'persistentvolumeclaims').some(
          (claim) => this.#store.get('persistentvolumeclaims', pod.metadata.namespace!, claim)?.object['spec']?.volumeName === name,
        );
      case 'secrets':
      case 'configmaps':
      case 'persistentvolumeclaims':
        return referredNames(pod, resource).includes(name);
      default:
        return false;
    }
  }
}

type Referred = 'secrets' | 'configmaps' | 'persistentvolumeclaims';

/** Names of objects of one kind that a pod mounts or reads. */
export function referredNames(pod: KubernetesObject, resource: Referred): string[] {
  if (resource !== 'persistentvolumeclaims') return [...namesIn(pod['spec'], REFERENCES[resource])];
  const volumes: Parameters<typeof claimNameOf>[1][] = pod['spec']?.volumes ?? [];
  return volumes.flatMap((volume) => claimNameOf(pod.metadata.name!, volume) ?? []);
}

type References = readonly (readonly [holder: string, field: string])[];

/** Fields of a pod's spec that name an object, by the kind they name. */
const REFERENCES = {
  secrets: [
    ['secretKeyRef', 'name'],
    ['secretRef', 'name'],
    ['secret', 'secretName'],
    ['secret', 'name'],
    ['imagePullSecrets', 'name'],
  ],
  configmaps: [
    ['configMapKeyRef', 'name'],
    ['configMapRef', 'name'],
    ['configMap', 'name'],
  ],
} satisfies Record<string, References>;

/** What the fields say, wherever in `value` they stand. */
function* namesIn(value: unknown, references: References, holder = ''): IterableIterator<string> {
  if (Array.isArray(value)) {
    for (const item of value) yield* namesIn(item, references, holder);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (typeof inner === 'string' && references.some(([at, field]) => at === holder && field === key)) yield inner;
    else yield* namesIn(inner, references, key);
  }
}

const OWN_VERBS = ['get', 'create', 'update', 'patch', 'delete'];

function ownLease(node: string, verb: string, { namespace, name }: Resource): Decision {
  if (!OWN_VERBS.includes(verb)) return denied('can only get, create, update, patch, or delete a node lease');
  if (namespace !== LEASES) return denied(`can only access leases in the "${LEASES}" system namespace`);
  return verb === 'create' || name === node ? ALLOWED : denied('can only access node lease with the same name as the requesting node');
}

function ownCsiNode(node: string, verb: string, { subresource, name }: Resource): Decision {
  if (!OWN_VERBS.includes(verb)) return denied('can only get, create, update, patch, or delete a CSINode');
  if (subresource !== '') return denied('cannot authorize CSINode subresources');
  return verb === 'create' || name === node ? ALLOWED : denied('can only access CSINode with the same name as the requesting node');
}

function ownNode(node: string, verb: string, { subresource, name }: Resource): Decision {
  if (subresource === 'status') return verb === 'update' || verb === 'patch' ? ALLOWED : denied();
  if (subresource !== '') return denied();
  if (['create', 'update', 'patch'].includes(verb)) return ALLOWED;
  if (!['get', 'list', 'watch'].includes(verb)) return denied();
  if (name === node) return ALLOWED;
  return denied(`node '${node}' cannot read ${name === '' ? 'all nodes' : `'${name}'`}, only its own Node object`);
}

/** Kubelets first; whom the Node authorizer does not know, and what it does not allow, `next` decides. */
export function withNodes(next: Authorizer, store: ObjectStore): Authorizer {
  return anyOf([new NodeAuthorizer(store), next]);
}
