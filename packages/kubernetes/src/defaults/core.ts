import { type Defaulter, fill, part, type Struct } from './value.ts';

/** Defaults of the core group (kubernetes `pkg/apis/core/v1/defaults.go`), by definition. */

const core = 'io.k8s.api.core.v1.';
const readableByOwner = 0o644;
const minPodGraceSeconds = 30;

/** `latest`, given or implied, is pulled always; any other tag, or a digest, only when missing. */
function pullPolicy(image: string | undefined): string {
  const name = image ?? '';
  if (name === '' || name.includes('@')) return 'IfNotPresent';
  const tag = /:([^/:]+)$/.exec(name)?.[1] ?? 'latest';
  return tag === 'latest' ? 'Always' : 'IfNotPresent';
}

const container: Defaulter = (c) => {
  fill(c, { imagePullPolicy: pullPolicy(c['image']), terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File' });
};

/** A limit without request is the request; a host-network port is a host port. Pods only: templates keep what was written. */
const pod: Defaulter = (p) => {
  const spec: Struct = part(p, 'spec');
  for (const c of [...(spec['containers'] ?? []), ...(spec['initContainers'] ?? [])] as Struct[]) {
    const limits: Struct | undefined = c['resources']?.limits;
    if (limits) c['resources'].requests = { ...limits, ...c['resources'].requests };
    if (spec['hostNetwork']) for (const port of (c['ports'] ?? []) as Struct[]) fill(port, { hostPort: port['containerPort'] });
  }
  fill(spec, { enableServiceLinks: true });
};

const podSpec: Defaulter = (spec) => {
  fill(spec, {
    dnsPolicy: 'ClusterFirst',
    restartPolicy: 'Always',
    schedulerName: 'default-scheduler',
    securityContext: {},
    terminationGracePeriodSeconds: minPodGraceSeconds,
  });
  // The deprecated name of the same field is kept equal by conversion.
  const account = spec['serviceAccountName'] ?? spec['serviceAccount'];
  if (account !== undefined) Object.assign(spec, { serviceAccountName: account, serviceAccount: account });
};

const volume: Defaulter = (v) => {
  if (Object.keys(v).every((key) => key === 'name')) v['emptyDir'] = {};
};

const service: Defaulter = (s) => {
  const spec: Struct = part(s, 'spec');
  fill(spec, { sessionAffinity: 'None', type: 'ClusterIP' });
  if (spec['sessionAffinity'] === 'None') delete spec['sessionAffinityConfig'];
  if (spec['sessionAffinity'] === 'ClientIP') {
    const config: Struct = part(spec, 'sessionAffinityConfig');
    fill(part(config, 'clientIP'), { timeoutSeconds: 10800 });
  }
  for (const port of (spec['ports'] ?? []) as Struct[]) {
    fill(port, { protocol: 'TCP' });
    if (port['targetPort'] === undefined || port['targetPort'] === 0 || port['targetPort'] === '') port['targetPort'] = port['port'];
  }
  const external = spec['type'] === 'NodePort' || spec['type'] === 'LoadBalancer';
  if (external || (spec['type'] === 'ClusterIP' && (spec['externalIPs'] ?? []).length > 0))
    fill(spec, { externalTrafficPolicy: 'Cluster' });
  if (external || spec['type'] === 'ClusterIP') fill(spec, { internalTrafficPolicy: 'Cluster' });
  if (spec['type'] === 'LoadBalancer') {
    fill(spec, { allocateLoadBalancerNodePorts: true });
    for (const ingress of (s['status']?.loadBalancer?.ingress ?? []) as Struct[]) if (ingress['ip']) fill(ingress, { ipMode: 'VIP' });
  }
};

/** `stringData` is for writing only: it overrides `data` and is not stored. */
const secret: Defaulter = (s) => {
  fill(s, { type: 'Opaque' });
  const text: Record<string, string> | undefined = s['stringData'];
  if (!text) return;
  s['data'] = { ...s['data'], ...Object.fromEntries(Object.entries(text).map(([k, v]) => [k, Buffer.from(v).toString('base64')])) };
  delete s['stringData'];
};

const namespace: Defaulter = (n) => {
  n['metadata'] ??= {};
  const name: unknown = n['metadata'].name;
  if (name) n['metadata'].labels = { ...n['metadata'].labels, 'kubernetes.io/metadata.name': name };
  fill(part(n, 'status'), { phase: 'Active' });
};

const limitRangeItem: Defaulter = (item) => {
  if (item['type'] !== 'Container') return;
  const limits = { ...item['max'], ...item['default'] };
  const requests = { ...item['min'], ...limits, ...item['defaultRequest'] };
  if (Object.keys(limits).length > 0) item['default'] = limits;
  if (Object.keys(requests).length > 0) item['defaultRequest'] = requests;
};

const replicationController: Defaulter = (rc) => {
  const labels: Struct | undefined = rc['spec']?.template?.metadata?.labels;
  if (!labels) return;
  if (Object.keys(rc['spec'].selector ?? {}).length === 0) rc['spec'].selector = { ...labels };
  if (Object.keys(rc['metadata']?.labels ?? {}).length === 0) rc['metadata'] = { ...rc['metadata'], labels: { ...labels } };
};

/** One thing under an older name, and the list of it and its like that came later: the first says the same as the one. */
function pair(struct: Struct, one: string, all: string): void {
  if (struct[one] && !struct[all]?.length) struct[all] = [struct[one]];
  else if (!struct[one] && struct[all]?.length) struct[one] = struct[all][0];
}

const withMode: Defaulter = (v) => fill(v, { defaultMode: readableByOwner });

export const coreDefaults: Readonly<Record<string, Defaulter>> = {
  [`${core}Container`]: container,
  [`${core}EphemeralContainer`]: container,
  [`${core}Pod`]: pod,
  [`${core}PodSpec`]: podSpec,
  [`${core}Volume`]: volume,
  [`${core}Probe`]: (p) => fill(p, { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 }),
  [`${core}HTTPGetAction`]: (a) => fill(a, { path: '/', scheme: 'HTTP' }),
  [`${core}GRPCAction`]: (a) => fill(a, { service: '' }),
  [`${core}SecretVolumeSource`]: withMode,
  [`${core}ConfigMapVolumeSource`]: withMode,
  [`${core}DownwardAPIVolumeSource`]: withMode,
  [`${core}ProjectedVolumeSource`]: withMode,
  [`${core}ServiceAccountTokenProjection`]: (p) => fill(p, { expirationSeconds: 3600 }),
  [`${core}HostPathVolumeSource`]: (v) => fill(v, { type: '' }),
  [`${core}ObjectFieldSelector`]: (s) => fill(s, { apiVersion: 'v1' }),
  [`${core}Service`]: service,
  [`${core}Secret`]: secret,
  [`${core}Namespace`]: namespace,
  [`${core}EndpointPort`]: (p) => fill(p, { protocol: 'TCP' }),
  [`${core}NodeSpec`]: (s) => pair(s, 'podCIDR', 'podCIDRs'),
  [`${core}NodeStatus`]: (s) => {
    if (s['capacity']) fill(s, { allocatable: { ...s['capacity'] } });
  },
  [`${core}PersistentVolumeClaim`]: (c) => fill(part(c, 'status'), { phase: 'Pending' }),
  [`${core}PersistentVolumeClaimSpec`]: (s) => fill(s, { volumeMode: 'Filesystem' }),
  [`${core}PersistentVolume`]: (v) => {
    fill(part(v, 'status'), { phase: 'Pending' });
    fill(part(v, 'spec'), { persistentVolumeReclaimPolicy: 'Retain', volumeMode: 'Filesystem' });
  },
  [`${core}LimitRangeItem`]: limitRangeItem,
  [`${core}ReplicationController`]: replicationController,
};
