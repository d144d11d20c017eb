/**
 * network-policy-api's conformance manifests: four houses of two pods each. Its repository says by programs what packets are to meet;
 * what is said here is ours, from the specification: our evaluator's for all of them, and by hand for those with a table below.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubernetesObject } from '@palisade/kubernetes';
import { type ClusterSnapshot, compilePolicies, evaluatePacket, namedPortsOf, namespaceFactOf, readManifests } from '@palisade/netpol';
import { type PacketCase, pairsOf, type Question } from './case.ts';
import type { LabPod } from './lab.ts';

const base = (dataDir: string) => join(dataDir, 'netpol/network-policy-api/conformance/base');

function read(path: string): readonly KubernetesObject[] {
  // The experimental ones are templates: any ports of nodes will do.
  const text = readFileSync(path, 'utf8').replace(/\{\{ index \.HostNetworkPorts (\d) \}\}/g, (_, index) => String(36_360 + Number(index)));
  return readManifests([{ name: path, text }]).objects;
}

export function housePods(dataDir: string): { namespaces: ClusterSnapshot['namespaces']; pods: readonly LabPod[] } {
  if (!existsSync(base(dataDir))) return { namespaces: [], pods: [] };
  const objects = read(join(base(dataDir), 'manifests.yaml'));
  const pods = objects
    .filter(({ kind }) => kind === 'StatefulSet')
    .flatMap(({ metadata, ...set }) => {
      const { replicas, template } = set['spec'];
      return Array.from({ length: replicas as number }, (_, index) => ({
        namespace: metadata.namespace!,
        name: `${metadata.name}-${index}`,
        labels: template.metadata.labels,
        ports: namedPortsOf(template.spec),
      }));
    });
  return { namespaces: objects.filter(({ kind }) => kind === 'Namespace').map(namespaceFactOf), pods };
}

const transports = [
  ...[80, 8080].map((port) => ({ protocol: 'TCP', port })),
  ...[53, 5353].map((port) => ({ protocol: 'UDP', port })),
  ...[9003, 9005].map((port) => ({ protocol: 'SCTP', port })),
];

const houseOf = (pod: string) => pod.split('/')[0]!.replace('network-policy-conformance-', '');
const at = ({ protocol, port }: Question, ...places: string[]) => places.includes(`${protocol} ${port}`);
/** The other house, for packets to or from Gryffindor. */
function otherHouse({ from, to }: Question): { house: string; isEgress: boolean } | undefined {
  const [source, destination] = [houseOf(from), houseOf(to)];
  if (source === destination) return undefined;
  if (source === 'gryffindor') return { house: destination, isEgress: true };
  return destination === 'gryffindor' ? { house: source, isEgress: false } : undefined;
}
const nothingWithSlytherin = (question: Question) => otherHouse(question)?.house !== 'slytherin';

/** Read from the manifests, by hand. */
const byHand: Readonly<Record<string, (question: Question) => boolean>> = {
  'admin_tier/standard-gress-rules-combined.yaml': (question) => {
    const other = otherHouse(question);
    if (other?.house === 'slytherin') return !at(question, 'TCP 80', 'UDP 53', 'SCTP 9003');
    if (other?.house === 'hufflepuff') return at(question, other.isEgress ? 'TCP 8080' : 'TCP 80', 'UDP 5353', 'SCTP 9003');
    return true;
  },
  'admin_tier/standard-priority-field.yaml': nothingWithSlytherin,
  'api_integration/standard-anp-np-banp.yaml': (question) => {
    // The NetworkPolicy isolates Gryffindor, and speaks of Slytherin alone, with which the Admin tier allows nothing.
    return houseOf(question.from) !== 'gryffindor' && houseOf(question.to) !== 'gryffindor';
  },
};

export function houseCases(dataDir: string, snapshot: ClusterSnapshot): PacketCase[] {
  if (!existsSync(base(dataDir))) return [];
  const houses = snapshot.pods.filter(({ namespace }) => namespace.startsWith('network-policy-conformance-'));
  const pairs = pairsOf(houses.map(({ namespace, name }) => `${namespace}/${name}`));
  const questions = pairs.flatMap((pair) => transports.map((transport) => ({ ...pair, ...transport })));
  return ['admin_tier', 'api_integration', 'baseline_tier']
    .flatMap((folder) => readdirSync(join(base(dataDir), folder)).map((file) => `${folder}/${file}`))
    .map((file) => ({
      name: `network-policy-api: ${file}`,
      policies: () => read(join(base(dataDir), file)),
      expectations() {
        const policies = this.policies();
        const of = (isClusterWide: boolean) => policies.filter(({ kind }) => (kind === 'ClusterNetworkPolicy') === isClusterWide);
        const compiled = compilePolicies({ ...snapshot, networkPolicies: of(false), clusterPolicies: of(true) });
        const evaluated = ({ from, to, ...rest }: Question) =>
          evaluatePacket(compiled, { src: { pod: from }, dst: { pod: to }, ...rest }).allowed;
        const isAllowed = byHand[file] ?? evaluated;
        return questions.map((question) => ({ ...question, allowed: isAllowed(question) }));
      },
    }));
}
