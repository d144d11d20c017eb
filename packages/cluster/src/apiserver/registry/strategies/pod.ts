import { forbidden, invalid, type KubernetesObject } from '@palisade/kubernetes';
import { defaultFromLimitRanges } from '../../admission/limit-range.ts';
import { MIRROR } from '../../admission/node-restriction.ts';
import { referredNames } from '../../auth/node-authorizer.ts';
import { type Core, readObject } from '../../core.ts';
import { formatTime } from '../time.ts';
import { safeSuffix } from '../uid.ts';
import type { Strategy } from './strategy.ts';

const PODS = { group: '', resource: 'pods' };
const TOKEN_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The default account is made by a controller right after its namespace: a pod that comes first waits for it. */
const ACCOUNT_ATTEMPTS = 10;
const ACCOUNT_RETRY_MS = 100;

interface Toleration {
  key?: string;
  operator?: string;
  effect?: string;
  tolerationSeconds?: number;
}

interface Container {
  name: string;
  volumeMounts?: { name: string; mountPath: string; readOnly?: boolean }[];
}

const WELL_KNOWN_PRIORITIES: Readonly<Record<string, number>> = {
  'system-node-critical': 2_000_001_000,
  'system-cluster-critical': 2_000_000_000,
};

export const podStrategy: Strategy = {
  prepareForCreate(pod, core) {
    if ((pod['spec']?.ephemeralContainers ?? []).length > 0) {
      const cause = { reason: 'FieldValueForbidden', message: 'Forbidden: cannot be set on create', field: 'spec.ephemeralContainers' };
      throw invalid({ group: '', kind: 'Pod' }, pod.metadata.name ?? '', [cause]);
    }
    // The shortest that is no force.
    if (pod['spec']?.terminationGracePeriodSeconds < 0) pod['spec'].terminationGracePeriodSeconds = 1;
    pod['status'] = {
      phase: 'Pending',
      qosClass: pod['status']?.qosClass ?? qosClass(pod),
      ...gateCondition(pod, formatTime(core.clock())),
    };
  },
  prepareForUpdate(pod, old) {
    // Spec fields an update leaves out although the server set them are the old ones.
    const spec = pod['spec'];
    const before = old['spec'];
    spec.nodeName ??= before.nodeName;
    if (spec.nodeName === undefined) delete spec.nodeName;
  },
  async admit(pod, core) {
    await admitServiceAccount(pod, core);
    admitTolerations(pod);
    admitPriority(pod, core);
    admitRuntimeClass(pod, core);
    defaultFromLimitRanges(core, pod);
  },
};

/** A pod behind gates says so itself: no scheduler looks at it. */
function gateCondition(pod: KubernetesObject, now: string): { conditions?: object[] } {
  if ((pod['spec']?.schedulingGates ?? []).length === 0) return {};
  const message = 'Scheduling is blocked due to non-empty scheduling gates';
  const gated = { type: 'PodScheduled', status: 'False', lastProbeTime: null, lastTransitionTime: now, reason: 'SchedulingGated', message };
  return { conditions: [gated] };
}

async function admitServiceAccount(pod: KubernetesObject, core: Core): Promise<void> {
  const spec = pod['spec'];
  if (pod.metadata.annotations?.[MIRROR] !== undefined) return refuseMirrorIdentity(pod);
  const namespace = pod.metadata.namespace!;
  spec.serviceAccountName ??= spec.serviceAccount ?? 'default';
  spec.serviceAccount = spec.serviceAccountName;
  const name: string = spec.serviceAccountName;
  let account = readObject(core, 'serviceaccounts', namespace, name);
  for (let i = 1; account === undefined && name === 'default' && i < ACCOUNT_ATTEMPTS; i++) {
    await core.sleep(ACCOUNT_RETRY_MS);
    account = readObject(core, 'serviceaccounts', namespace, name);
  }
  if (account === undefined) {
    const why = `error looking up service account ${namespace}/${name}: serviceaccount "${name}" not found`;
    throw forbidden(PODS, pod.metadata.name ?? '', why);
  }
  if (spec.imagePullSecrets === undefined && account['imagePullSecrets'] !== undefined) spec.imagePullSecrets = account['imagePullSecrets'];
  if ((spec.automountServiceAccountToken ?? account['automountServiceAccountToken']) !== false) mountToken(pod, core);
}

/** A mirror pod is made by a kubelet for itself: through it no account and no secret of the cluster comes into reach. */
function refuseMirrorIdentity(pod: KubernetesObject): void {
  const refuse = (why: string) => forbidden(PODS, pod.metadata.name ?? '', why);
  if (pod['spec'].serviceAccountName) throw refuse('a mirror pod may not reference service accounts');
  if (referredNames(pod, 'secrets').length > 0) throw refuse('a mirror pod may not reference secrets');
  const volumes: { projected?: { sources?: { serviceAccountToken?: object }[] } }[] = pod['spec'].volumes ?? [];
  const sources = volumes.flatMap((volume) => volume.projected?.sources ?? []);
  if (sources.some((source) => source.serviceAccountToken !== undefined))
    throw refuse('a mirror pod may not use ServiceAccountToken volume projections');
}

/** The projected volume kube-api-access-xxxxx: token, CA bundle and namespace, in every container that mounts nothing there. */
function mountToken(pod: KubernetesObject, core: Core): void {
  const spec = pod['spec'];
  const containers: Container[] = [...(spec.initContainers ?? []), ...(spec.containers ?? [])];
  const lacking = containers.filter((container) => !container.volumeMounts?.some((mount) => mount.mountPath === TOKEN_PATH));
  if (lacking.length === 0) return;
  const present = (spec.volumes ?? []).find(
    (volume: { name: string; projected?: object }) => volume.name.startsWith('kube-api-access-') && volume.projected !== undefined,
  );
  const name: string = present?.name ?? `kube-api-access-${safeSuffix(core.random)}`;
  for (const container of lacking) {
    container.volumeMounts = [...(container.volumeMounts ?? []), { mountPath: TOKEN_PATH, name, readOnly: true }];
  }
  if (present !== undefined) return;
  const sources = [
    // An hour and 7 seconds: kubelets recognise the bound token of an in-cluster client by it.
    { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
    { configMap: { items: [{ key: 'ca.crt', path: 'ca.crt' }], name: 'kube-root-ca.crt' } },
    { downwardAPI: { items: [{ fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' }, path: 'namespace' }] } },
  ];
  spec.volumes = [...(spec.volumes ?? []), { name, projected: { defaultMode: 420, sources } }];
}

/** Admission plugin DefaultTolerationSeconds: five minutes on a node that went away. */
function admitTolerations(pod: KubernetesObject): void {
  const spec = pod['spec'];
  const tolerations: Toleration[] = spec.tolerations ?? [];
  const added: Toleration[] = [];
  for (const key of ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']) {
    const tolerated = tolerations.some(
      (toleration) => (!toleration.key || toleration.key === key) && (!toleration.effect || toleration.effect === 'NoExecute'),
    );
    if (!tolerated) added.push({ effect: 'NoExecute', key, operator: 'Exists', tolerationSeconds: 300 });
  }
  if (added.length > 0) spec.tolerations = [...tolerations, ...added];
}

/** Admission plugin Priority. */
function admitPriority(pod: KubernetesObject, core: Core): void {
  const spec = pod['spec'];
  const name: string | undefined = spec.priorityClassName;
  const classes = core.store.list('priorityclasses.scheduling.k8s.io');
  const chosen = name
    ? (readObject(core, 'priorityclasses.scheduling.k8s.io', '', name) ?? wellKnownClass(name))
    : classes.find((entry) => entry.object['globalDefault'] === true)?.object;
  if (name && chosen === undefined) {
    throw forbidden(PODS, pod.metadata.name ?? '', `no PriorityClass with name ${name} was found`);
  }
  if (!name && chosen !== undefined) spec.priorityClassName = chosen.metadata.name;
  const priority: number = chosen?.['value'] ?? 0;
  if (spec.priority !== undefined && spec.priority !== priority) {
    const why = `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${priority} from the given PriorityClass name`;
    throw forbidden(PODS, pod.metadata.name ?? '', why);
  }
  spec.priority = priority;
  spec.preemptionPolicy ??= chosen?.['preemptionPolicy'] ?? 'PreemptLowerPriority';
}

/** Admission plugin RuntimeClass. */
function admitRuntimeClass(pod: KubernetesObject, core: Core): void {
  const name: string | undefined = pod['spec'].runtimeClassName;
  if (!name || readObject(core, 'runtimeclasses.node.k8s.io', '', name) !== undefined) return;
  throw forbidden(PODS, pod.metadata.name ?? '', `pod rejected: RuntimeClass "${name}" not found`);
}

function wellKnownClass(name: string): KubernetesObject | undefined {
  const value = WELL_KNOWN_PRIORITIES[name];
  return value === undefined ? undefined : { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name }, value };
}

/** Guaranteed when every container limits CPU and memory to what it requests, BestEffort when none asks for anything. */
export function qosClass(pod: KubernetesObject): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const spec = pod['spec'] ?? {};
  const containers = [...(spec.initContainers ?? []), ...(spec.containers ?? [])];
  let asks = false;
  let guaranteed = containers.length > 0;
  for (const { resources = {} } of containers) {
    const { requests = {}, limits = {} } = resources;
    for (const name of ['cpu', 'memory']) {
      if (requests[name] !== undefined || limits[name] !== undefined) asks = true;
      if (limits[name] === undefined || (requests[name] !== undefined && requests[name] !== limits[name])) guaranteed = false;
    }
  }
  return !asks ? 'BestEffort' : guaranteed ? 'Guaranteed' : 'Burstable';
}
