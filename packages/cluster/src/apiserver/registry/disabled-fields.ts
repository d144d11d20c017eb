import type { KubernetesObject } from '@palisade/kubernetes';

interface Container {
  restartPolicy?: string;
  restartPolicyRules?: unknown;
}

interface PodSpec {
  containers?: Container[] | null;
  initContainers?: Container[] | null;
}

/** Where kinds have the spec of a pod. */
const POD_SPECS: Readonly<Record<string, (object: KubernetesObject) => PodSpec | undefined>> = {
  pods: (object) => object['spec'],
  podtemplates: (object) => object['template']?.spec,
  'cronjobs.batch': (object) => object['spec']?.jobTemplate?.spec?.template?.spec,
  ...Object.fromEntries(
    ['deployments.apps', 'replicasets.apps', 'daemonsets.apps', 'statefulsets.apps', 'jobs.batch', 'replicationcontrollers'].map((type) => [
      type,
      (object: KubernetesObject) => object['spec']?.template?.spec,
    ]),
  ),
};

/** Takes away, in place, fields of features that 1.34 does not have by default: ContainerRestartRules leaves the policy of sidecars alone. */
export function dropDisabledFields(storeType: string, object: KubernetesObject): void {
  const spec = POD_SPECS[storeType]?.(object);
  for (const container of [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])]) {
    delete container.restartPolicyRules;
    if (container.restartPolicy !== 'Always' || spec?.containers?.includes(container) === true) delete container.restartPolicy;
  }
}
