import { cloneObject, type KubernetesObject } from '@palisade/kubernetes';
import type { ServedResource } from './resource.ts';

/**
 * Which part of an object a write may change. `whole-unchecked` is for the server's own changes (binding, finalize), which are
 * right by construction and which update validation would refuse.
 */
export type Part = 'main' | 'status' | 'ephemeralcontainers' | 'resize' | 'approval' | 'whole-unchecked';

interface Container {
  name: string;
  resources?: object;
}

/** The object as it will be: the named part from `wanted`, everything else from `current`. Both are left alone but for `main`. */
export function composePart(part: Part, resource: ServedResource, wanted: KubernetesObject, current: KubernetesObject): KubernetesObject {
  switch (part) {
    case 'whole-unchecked':
      return wanted;
    case 'main':
      if (resource.hasStatus) setOrDelete(wanted, 'status', current['status']);
      return wanted;
    case 'status':
      return withStatus(resource, wanted, current);
    case 'ephemeralcontainers': {
      const next = cloneObject(current);
      setOrDelete(next['spec'], 'ephemeralContainers', wanted['spec']?.ephemeralContainers);
      return next;
    }
    case 'resize': {
      const next = cloneObject(current);
      for (const field of ['containers', 'initContainers']) {
        const sized = new Map<string, Container>(
          (wanted['spec']?.[field] ?? []).map((container: Container) => [container.name, container]),
        );
        for (const container of next['spec'][field] ?? [])
          container.resources = sized.get(container.name)?.resources ?? container.resources;
      }
      return next;
    }
    case 'approval': {
      const next = cloneObject(current);
      next['status'] = { ...next['status'], conditions: wanted['status']?.conditions };
      return next;
    }
    default:
      return part satisfies never;
  }
}

/** Labels belong to the main resource, save for pods and nodes, whose kubelet keeps both; of custom objects all metadata does. */
function withStatus(resource: ServedResource, wanted: KubernetesObject, current: KubernetesObject): KubernetesObject {
  const next: KubernetesObject = cloneObject(current);
  if (resource.isCustom !== true) next.metadata = { ...wanted.metadata };
  if (resource.storeType !== 'pods' && resource.storeType !== 'nodes') setOrDelete(next.metadata, 'labels', current.metadata.labels);
  setOrDelete(next, 'status', wanted['status']);
  return next;
}

function setOrDelete(target: object, field: string, value: unknown): void {
  if (value === undefined) delete (target as Record<string, unknown>)[field];
  else (target as Record<string, unknown>)[field] = value;
}
