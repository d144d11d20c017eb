import { spawnSync } from 'node:child_process';
import { type ClusterSnapshot, type PodFact, readManifests } from '@palisade/netpol';
import { findCyclonus } from '../../scripts/setup/cyclonus.mjs';
import { readOutput, type Step } from './output.ts';

/** Why cyclonus cannot be asked. */
export function missingCyclonus(): string | undefined {
  return findCyclonus() === undefined ? 'no cyclonus: run "node scripts/setup/cyclonus.mjs" (needs Go)' : undefined;
}

const changing = ['create-pod', 'delete-pod', 'set-pod-labels', 'set-namespace-labels', 'create-namespace', 'delete-namespace'];
const arguments_ = [
  ...['generate', '--mock', '--noisy', '--retries', '0', '--exclude', 'example'],
  ...['--perturbation-wait-seconds', '0', '--pod-creation-timeout-seconds', '1'],
];

/** A step under a name that no other has. */
export interface NamedStep extends Step {
  readonly name: string;
}

/**
 * The steps of its cases, as it prints them without asking a cluster. Cases that change pods or namespaces on the way are left
 * out: the output does not say how.
 *
 * @throws Error when it cannot be run or its output cannot be read
 */
export function readSteps(): NamedStep[] {
  const { stdout, error } = spawnSync(findCyclonus()!, arguments_, { encoding: 'utf8', maxBuffer: 1 << 28, timeout: 120_000 });
  if (error) throw new Error(`Cannot run cyclonus: ${error.message}`);
  const steps = readOutput(stdout).filter(
    (step) => !step.tags.some((tag) => changing.includes(tag)) && !/ updated (namespace|pod)$/.test(step.case),
  );
  const seen = new Map<string, number>();
  return steps.map((step) => {
    const name = `${step.case} (step ${step.step})`;
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return { ...step, name: count === 1 ? name : `${name} #${count}` };
  });
}

export const namespaces: ClusterSnapshot['namespaces'] = ['x', 'y', 'z'].map((name) => ({ name, labels: { ns: name } }));
const ports = (['TCP', 'UDP', 'SCTP'] as const).flatMap((protocol) =>
  [80, 81].map((port) => ({ name: `serve-${port}-${protocol.toLowerCase()}`, protocol, port })),
);
/** Its nine pods; the addresses are those its ipBlocks speak of. */
export const pods: readonly PodFact[] = namespaces.flatMap(({ name: namespace }, i) =>
  ['a', 'b', 'c'].map((pod, j) => ({ namespace, name: pod, labels: { pod }, ips: [`192.168.1.${i * 3 + j + 1}`], ports })),
);

/** A step's policies as objects. */
export function policiesOf({ policies }: Step) {
  // Some are printed as the program holds them, without their kind.
  const texts = policies.map((text) => (/^kind:/m.test(text) ? text : `apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n${text}`));
  const { objects } = readManifests(texts.map((text, index) => ({ name: `policy ${index}`, text })));
  if (objects.length !== texts.length) throw new Error(`${objects.length} of ${texts.length} policies could be read`);
  return objects;
}
