import type {
  GroupVersionKind,
  GroupVersionResource,
  KubernetesObject,
  ResourceInfo,
  Shape,
  StatusCause,
  TableColumnDefinition,
} from '@palisade/kubernetes';

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
  readonly isCustom?: true;
  readonly model: ObjectModel;
  /** Converts between this version and the stored one; absent when nothing but `apiVersion` can differ. */
  readonly conversion?: Conversion;
  /** Told to everyone who uses it. */
  readonly deprecation?: string;
  /** Of custom resources with a scale subresource; built-in kinds have theirs in the usual places. */
  readonly scalePaths?: ScalePaths;
  /** Of custom resources: fields to select by besides name and namespace, without a leading dot. */
  readonly selectableFields?: readonly string[];
}

/** What a kind's schema says about its objects. The built-in kinds share the schema table, each custom one brings its own. */
export interface ObjectModel {
  /** Drops what the schema does not know and names it. @throws StatusError 400 for values of a wrong type */
  decode(value: unknown): { object: KubernetesObject; unknownFields: readonly string[] };
  applyDefaults(object: KubernetesObject): KubernetesObject;
  /** Empty when valid. */
  validateCreate(object: KubernetesObject): StatusCause[];
  validateUpdate(object: KubernetesObject, old: KubernetesObject): StatusCause[];
  /** Of a write that changes the status alone. */
  validateStatusUpdate(object: KubernetesObject, old: KubernetesObject): StatusCause[];
  /** How objects merge and are owned by field managers. */
  shape(): Shape;
  /** An object with nothing set, as a new one is compared with. */
  empty(): KubernetesObject;
  /** Makes of an object, in place, what storage makes of it; absent where that is the same. */
  settle?(object: KubernetesObject): void;
  columns(): readonly TableColumnDefinition[];
  /** A cell for each column. */
  row(object: KubernetesObject, now: Date): unknown[];
}

/** Where the Scale of an object is: paths of fields, without a leading dot. */
export interface ScalePaths {
  readonly replicas: readonly string[];
  readonly statusReplicas: readonly string[];
  readonly selector?: readonly string[];
}

/** Both return new objects and leave their argument alone; `apiVersion` is set by the caller. */
export interface Conversion {
  toStored(object: KubernetesObject): KubernetesObject;
  fromStored(object: KubernetesObject): KubernetesObject;
}
