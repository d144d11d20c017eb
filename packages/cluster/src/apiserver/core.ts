import type { KubernetesObject, SchemaRegistry } from '@palisade/kubernetes';
import type { UserInfo } from '../contract.ts';
import type { ResourceCatalog } from './registry/catalog.ts';
import type { ServedResource } from './registry/resource.ts';
import type { ServiceAllocator } from './registry/service-allocator.ts';
import type { Random } from './registry/uid.ts';
import type { ObjectStore } from './store/object-store.ts';

/** What every request handler works with. One a server. */
export interface Core {
  readonly store: ObjectStore;
  readonly schemas: SchemaRegistry;
  readonly catalog: ResourceCatalog;
  readonly services: ServiceAllocator;
  readonly admission: Admission;
  /** Refuses what the writer is allowed in general but not in this case: more rights than they have, somebody else's signer. @throws StatusError 403 */
  readonly restrict: (scope: Scope, object: KubernetesObject, old: KubernetesObject | undefined) => void;
  /** Refuses the making of an object to who may only change it: an apply does either. @throws StatusError 403 */
  readonly requireCreate: (scope: Scope) => void;
  /** Takes what an audit log of the real server would note about a request that went on. */
  readonly audit: (note: AuditNote) => void;
  readonly clock: () => Date;
  readonly random: Random;
  /** Waits; replaced in tests. */
  readonly sleep: (ms: number) => Promise<void>;
}

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

/** What others than this server have to say about a request. All reject with StatusError to refuse. */
export interface Admission {
  /** @returns the object as they want it; the same one when nobody is concerned */
  mutate(scope: Scope, operation: Operation, object: KubernetesObject, old: KubernetesObject | undefined): Promise<KubernetesObject>;
  /** About an object that goes: there is nothing to change. */
  mutateNothing(scope: Scope, old: KubernetesObject): Promise<void>;
  validate(scope: Scope, operation: Operation, object: KubernetesObject | undefined, old: KubernetesObject | undefined): Promise<void>;
}

/** An annotation of an audit event: what somebody did, and what is to be said about it. */
export interface AuditNote {
  readonly user: string;
  /** Stored type, such as `deployments.apps`. */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly text: string;
}

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

/** One authenticated, authorised request about a resource, whatever it came in by. */
export interface Scope {
  readonly resource: ServedResource;
  /** Empty for cluster-scoped resources and for lists over all namespaces. */
  readonly namespace: string;
  /** Empty for collections. */
  readonly name: string;
  /** Empty for the object itself. */
  readonly subresource: string;
  readonly user: UserInfo;
  readonly dryRun: boolean;
  readonly fieldValidation: FieldValidation;
  readonly fieldManager: string;
  /** Adds a `Warning` header; lost when nobody listens. */
  readonly warn: (text: string) => void;
}

export interface Selection {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/** Reads one stored object by type; a short form the strategies use. */
export function readObject(core: Pick<Core, 'store'>, type: string, namespace: string, name: string): KubernetesObject | undefined {
  return core.store.get(type, namespace, name)?.object;
}
