/** Small workloads that several stories start with. */
import type { TestCluster } from './harness.ts';

export interface WebPodOptions {
  readonly namespace?: string;
  /** Flow YAML, as `app: db, role: client`. */
  readonly labels: string;
  /** Flow YAML of the container's securityContext. */
  readonly securityContext?: string;
  /** Further lines of the pod's `spec:`, each with its indentation of 2. */
  readonly spec?: string;
}

/** Answers every request on port 8080 with its name. */
export const webPod = (name: string, { namespace = 'default', labels, securityContext = '', spec = '' }: WebPodOptions) => `apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: ${namespace}, labels: {${labels}}}
spec:
${spec}  terminationGracePeriodSeconds: 0
  containers:
    - name: box
      image: busybox
      command: [sh, -c, "mkdir -p /tmp/www && echo ${name} > /tmp/www/index.html && httpd -f -p 8080 -h /tmp/www"]
      securityContext: {${securityContext}}
`;

/**
 * Deployment `web`, ready.
 *
 * @param seconds what its programs sleep: by this argument they are told from all others of the machine
 */
export async function runSleepers(cluster: TestCluster, replicas: number, seconds: number): Promise<void> {
  await cluster.apply(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: main, image: busybox, command: [sh, -c, 'exec sleep ${seconds}']}]
`);
  await cluster.kubectlOk('rollout', 'status', 'deployment/web', '--timeout=60s');
}
