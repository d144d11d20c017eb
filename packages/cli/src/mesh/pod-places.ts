const templateKinds = ['Deployment', 'ReplicaSet', 'StatefulSet', 'DaemonSet', 'Job', 'ReplicationController'];

/** Where each kind keeps its pod: the steps to what has the pod's `metadata` and `spec`. */
export const podPlaces: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ['Pod', []],
  ['CronJob', ['spec', 'jobTemplate', 'spec', 'template']],
  ...templateKinds.map((kind) => [kind, ['spec', 'template']] as const),
]);
