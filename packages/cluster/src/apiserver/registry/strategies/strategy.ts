import type { KubernetesObject, StatusCause } from '@palisade/kubernetes';
import type { Core, Scope } from '../../core.ts';

/**
 * What a kind does beyond the generic write path (the server's "registry strategy" and the admission plugins that concern one
 * kind). Objects passed in are fresh copies and are changed in place.
 */
export interface Strategy {
  /** Fields the server owns, set before validation. */
  prepareForCreate?(object: KubernetesObject, core: Core): void;
  prepareForUpdate?(object: KubernetesObject, old: KubernetesObject): void;
  /** Fields of the status that the server owns, where a status (or an approval) is written. */
  prepareStatus?(object: KubernetesObject, old: KubernetesObject, core: Core): void;
  /** Admission of a new object; throws StatusError to refuse. */
  admit?(object: KubernetesObject, core: Core, scope: Scope): Promise<void> | void;
  /** Admission of a changed object, whichever part is written; throws StatusError to refuse. */
  admitUpdate?(object: KubernetesObject, old: KubernetesObject, core: Core, scope: Scope): void;
  /** What this server refuses beyond the kind's own rules, on every write. */
  check?(object: KubernetesObject, old?: KubernetesObject): StatusCause[];
  /** Takes what must be unique in the cluster, after validation. */
  allocate?(
    object: KubernetesObject,
    old: KubernetesObject | undefined,
    core: Core,
    isDryRun: boolean,
  ): { undo: () => void } | { causes: StatusCause[] };
  /** After the write is in the store. */
  stored?(object: KubernetesObject, old: KubernetesObject | undefined, core: Core): void;
  removed?(object: KubernetesObject, core: Core): void;
}
