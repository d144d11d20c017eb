import { forbidden } from '@palisade/kubernetes';
import { podSecurityLabelFaults, warnOfExistingPods } from '../../admission/pod-security/admit.ts';
import type { Strategy } from './strategy.ts';

const NAMESPACES = { group: '', resource: 'namespaces' };

/** Namespaces the server itself lives in (admission plugin NamespaceLifecycle). */
const IMMORTAL = new Set(['default', 'kube-system', 'kube-public']);

export const namespaceStrategy: Strategy = {
  check: podSecurityLabelFaults,
  admitUpdate: (namespace, old, core, scope) => warnOfExistingPods(core, scope, namespace, old),
  prepareForCreate(namespace) {
    const finalizers: string[] = namespace['spec']?.finalizers ?? [];
    namespace['spec'] = {
      ...namespace['spec'],
      finalizers: finalizers.includes('kubernetes') ? finalizers : [...finalizers, 'kubernetes'],
    };
    namespace['status'] = { phase: 'Active' };
    namespace.metadata.labels = { ...namespace.metadata.labels, 'kubernetes.io/metadata.name': namespace.metadata.name! };
  },
  prepareForUpdate(namespace, old) {
    // Only /finalize changes the finalizers of the spec.
    namespace['spec'] = { ...namespace['spec'], finalizers: old['spec']?.finalizers };
    namespace.metadata.labels = { ...namespace.metadata.labels, 'kubernetes.io/metadata.name': namespace.metadata.name! };
  },
};

/** @throws StatusError 403 for a namespace that must stay */
export function refuseImmortalNamespace(name: string): void {
  if (IMMORTAL.has(name)) throw forbidden(NAMESPACES, name, 'this namespace may not be deleted');
}
