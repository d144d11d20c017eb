import type { GroupVersionKind, GroupVersionResource, KubernetesObject, ResourceInfo } from '@palisade/kubernetes';

/** One resource in one served version, as the request handlers know it. */
export interface ServedResource {
  readonly info: ResourceInfo;
  readonly gvr: GroupVersionResource;
  readonly gvk: GroupVersionKind;
  /** Name of the stored type (`pods`, `deployments.apps`); all versions of one resource share it. */
  readonly storeType: string;
  /** `apiVersion` and `kind` of stored objects are these. */
  readonly storedApiVersion: string;
  readonly hasStatus: boolean;
  /** Converts between this version and the stored one; absent when nothing but `apiVersion` can differ. */
  readonly conversion?: Conversion;
}

/** Both return new objects and leave their argument alone; `apiVersion` is set by the caller. */
export interface Conversion {
  toStored(object: KubernetesObject): KubernetesObject;
  fromStored(object: KubernetesObject): KubernetesObject;
}
