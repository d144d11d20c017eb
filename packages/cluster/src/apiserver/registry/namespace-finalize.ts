import { cloneObject, type KubernetesObject } from '@palisade/kubernetes';
import { admitReplaced } from '../admission/subresource.ts';
import type { Core, Scope } from '../core.ts';
import type { Entry } from '../store/entry.ts';
import { updateObject } from './update.ts';

/** PUT namespaces/X/finalize: the namespace controller says what still holds it. With nothing left it goes. */
export function finalizeNamespace(core: Core, scope: Scope, wanted: KubernetesObject): Promise<Entry> {
  return updateObject(core, scope, {
    part: 'whole-unchecked',
    async compute(current) {
      const next = cloneObject(current);
      if (wanted.metadata.resourceVersion !== undefined) next.metadata.resourceVersion = wanted.metadata.resourceVersion;
      next['spec'] = { ...next['spec'] };
      const finalizers: string[] = wanted['spec']?.finalizers ?? [];
      if (finalizers.length > 0) next['spec'].finalizers = finalizers;
      else delete next['spec'].finalizers;
      return admitReplaced(core, scope, next, current);
    },
  });
}
