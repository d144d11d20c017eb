import { userInfo } from 'node:os';
import { type ApiClient, isStatusError, type KubernetesObject, PatchType } from '@palisade/kubernetes';
import { compilePolicies, evaluatePacket, snapshotOf } from '@palisade/netpol';
import { kubeconfigToUse } from '../kubeconfig.ts';
import { fetchObjects, policyKinds, withClient } from '../netpol/live.ts';
import { QUARANTINE_LABEL, type QuarantineTarget, quarantineName, quarantinePolicies } from '../netpol/quarantine-plan.ts';

interface QuarantineFlags {
  readonly keepDns?: boolean;
  readonly release?: boolean;
  readonly namespace: string;
  readonly kubeconfig?: string;
}

const PODS = { group: '', version: 'v1', resource: 'pods' };
const DEPLOYMENTS = { group: 'apps', version: 'v1', resource: 'deployments' };
const EVENTS = { group: '', version: 'v1', resource: 'events' };
const REVIEWS = { group: 'authentication.k8s.io', version: 'v1', resource: 'selfsubjectreviews' };
const [NETWORK_POLICIES, CLUSTER_POLICIES] = policyKinds;

const kinds = new Map<string, QuarantineTarget['kind']>([
  ['pod', 'Pod'],
  ['po', 'Pod'],
  ['deployment', 'Deployment'],
  ['deploy', 'Deployment'],
]);

/** `palisade quarantine pod|deployment NAME`. @returns 0 when it is in force (or lifted) */
export async function quarantine(kindText: string, name: string, flags: QuarantineFlags): Promise<number> {
  const kind = kinds.get(kindText.toLowerCase());
  if (!kind) throw new Error(`Cannot quarantine a "${kindText}": expected pod or deployment`);
  const { namespace, release, keepDns = false } = flags;
  return await withClient(kubeconfigToUse(flags.kubeconfig), async (client) => {
    if (release) return await lift(client, { kind, namespace, name });
    const object = await client.get(kind === 'Pod' ? PODS : DEPLOYMENTS, { namespace, name });
    const target: QuarantineTarget = { kind, namespace, name, ...(kind === 'Deployment' && { selector: object['spec'].selector }) };
    const by = await whoAmI(client);
    const at = new Date();
    // The policies first: between the label and them nothing would hold.
    for (const policy of quarantinePolicies(target, { keepDns, by, at })) await createOrReplace(client, policy);
    if (kind === 'Pod') await setLabel(client, target, quarantineName(target));
    await record(client, object, 'Quarantined', `cut off by ${by}${keepDns ? ', DNS kept' : ''}`, at);
    console.log(
      `${kind.toLowerCase()} ${namespace}/${name} is in quarantine (ClusterNetworkPolicy and NetworkPolicy ${quarantineName(target)}).`,
    );
    for (const opening of await openingsFromOutside(client, target))
      console.log(`Still open to addresses outside of the cluster: ${opening}`);
    console.log(`Lift it with: palisade quarantine ${kindText} ${name} -n ${namespace} --release`);
    return 0;
  });
}

async function lift(client: ApiClient, target: QuarantineTarget): Promise<number> {
  const name = quarantineName(target);
  const removed = [
    await removeIfThere(() => client.delete(CLUSTER_POLICIES, { name })),
    await removeIfThere(() => client.delete(NETWORK_POLICIES, { namespace: target.namespace, name })),
  ];
  const what = `${target.kind.toLowerCase()} ${target.namespace}/${target.name}`;
  if (target.kind === 'Pod') await removeIfThere(() => setLabel(client, target, null));
  if (!removed.includes(true)) throw new Error(`Cannot release ${what}: it is not in quarantine (no policy ${name})`);
  console.log(`${what} is released.`);
  return 0;
}

async function removeIfThere(remove: () => Promise<unknown>): Promise<boolean> {
  try {
    await remove();
    return true;
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return false;
    throw error;
  }
}

async function setLabel(client: ApiClient, { namespace, name }: QuarantineTarget, value: string | null): Promise<void> {
  await client.patch(PODS, { namespace, name }, PatchType.merge, { metadata: { labels: { [QUARANTINE_LABEL]: value } } });
}

async function createOrReplace(client: ApiClient, policy: KubernetesObject): Promise<void> {
  const { kind: _, ...resource } = policy.kind === 'NetworkPolicy' ? NETWORK_POLICIES : CLUSTER_POLICIES;
  const { name, namespace } = policy.metadata;
  const place = namespace === undefined ? {} : { namespace };
  try {
    await client.create(resource, policy, place);
  } catch (error) {
    if (isStatusError(error, 'AlreadyExists')) await client.patch(resource, { ...place, name: name! }, PatchType.merge, policy);
    else if (isStatusError(error, 'NotFound'))
      throw new Error(
        `This cluster does not serve ${policy.kind} ${policy.apiVersion}: install the definitions of network-policy-api first`,
      );
    else throw error;
  }
}

/** The user as the cluster knows them; the one of this machine when it does not say. */
async function whoAmI(client: ApiClient): Promise<string> {
  try {
    const review = await client.create(REVIEWS, { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview', metadata: {} });
    const username: unknown = review['status']?.userInfo?.username;
    if (typeof username === 'string') return username;
  } catch (error) {
    if (!isStatusError(error)) throw error;
  }
  return `${process.env['SUDO_USER'] ?? userInfo().username} (user of the machine)`;
}

async function record(client: ApiClient, object: KubernetesObject, reason: string, message: string, at: Date): Promise<void> {
  const { namespace, name, uid } = object.metadata;
  const time = at.toISOString().replace(/\.\d+Z$/, 'Z');
  const event: KubernetesObject = {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { namespace: namespace!, generateName: `${name}-` },
    involvedObject: { apiVersion: object.apiVersion, kind: object.kind, namespace, name, uid },
    type: 'Warning',
    reason,
    message,
    source: { component: 'palisade' },
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
  };
  await client.create(EVENTS, event, { namespace: namespace! });
}

/** NetworkPolicies that let sources outside of the cluster in: theirs is the one door the quarantine cannot shut. */
async function openingsFromOutside(client: ApiClient, { kind, namespace, name }: QuarantineTarget): Promise<string[]> {
  const compiled = compilePolicies(snapshotOf(await fetchObjects(client)));
  const pods = compiled.pods.filter(
    ({ fact, class: own }) =>
      own && fact.namespace === namespace && (kind === 'Pod' ? fact.name === name : fact.workload === `Deployment/${name}`),
  );
  const rules = pods.flatMap(({ class: own }) => own!.gates.ingress.isolating.flatMap((policy) => policy.ingress ?? []));
  const open = rules.filter((rule) => !rule.peers || rule.peers.some(({ ranges }) => ranges && ranges.length > 0));
  // A hostNetwork pod is no class: policies cannot hold it, and a quarantine must say so.
  const isFree =
    pods.length === 0 ||
    !pods.some(
      ({ fact }) =>
        !evaluatePacket(compiled, { src: { pod: `${fact.namespace}/${fact.name}` }, dst: { ip: '192.0.2.1' }, protocol: 'TCP', port: 80 })
          .allowed,
    );
  return [
    ...new Set(
      open.map(({ policy, parsed }) => `NetworkPolicy ${policy.parsed.ref.namespace}/${policy.parsed.ref.name} ${parsed.path} allows it`),
    ),
    ...(isFree ? ['the pod uses hostNetwork or does not run: no policy holds it'] : []),
  ];
}
