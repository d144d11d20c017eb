/**
 * cyclonus's own truth tables against ours. Its binary (`go install github.com/mattfenwick/cyclonus/cmd/cyclonus@v0.5.6`, found by
 * CYCLONUS, in PATH or in Go's folder) prints each case's policies and what it expects; nothing is asked of a cluster. Cases that
 * change pods or namespaces on the way are left out: the output does not say how. A pod's traffic to itself is left out too: the
 * tables deny it, Kubernetes leaves it open, and every node lets it pass.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { compilePolicies, evaluatePacket, type PodFact, readManifests } from '@palisade/netpol';
import { readOutput, type Step } from './cyclonus-lib/output.ts';
import type { CaseResult, Suite } from './suite.ts';

const changing = ['create-pod', 'delete-pod', 'set-pod-labels', 'set-namespace-labels', 'create-namespace', 'delete-namespace'];
const arguments_ = [
  ...['generate', '--mock', '--noisy', '--retries', '0', '--exclude', 'example'],
  ...['--perturbation-wait-seconds', '0', '--pod-creation-timeout-seconds', '1'],
];

function findBinary(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), join(homedir(), 'go/bin')];
  return [process.env['CYCLONUS'], ...folders.map((folder) => join(folder, 'cyclonus'))].find((path) => path && existsSync(path));
}

const namespaces = ['x', 'y', 'z'].map((name) => ({ name, labels: { ns: name } }));
const ports = (['TCP', 'UDP', 'SCTP'] as const).flatMap((protocol) =>
  [80, 81].map((port) => ({ name: `serve-${port}-${protocol.toLowerCase()}`, protocol, port })),
);
const pods: readonly PodFact[] = namespaces.flatMap(({ name: namespace }, i) =>
  ['a', 'b', 'c'].map((pod, j) => ({ namespace, name: pod, labels: { pod }, ips: [`192.168.1.${i * 3 + j + 1}`], ports })),
);

function judge(step: Step): CaseResult {
  const name = `${step.case} (step ${step.step})`;
  // Some are printed as the program holds them, without their kind.
  const texts = step.policies.map((text) =>
    /^kind:/m.test(text) ? text : `apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n${text}`,
  );
  const { objects } = readManifests(texts.map((text, index) => ({ name: `policy ${index}`, text })));
  if (objects.length !== texts.length)
    return { name, status: 'fail', detail: `${objects.length} of ${texts.length} policies could be read` };
  const compiled = compilePolicies({ namespaces, pods, networkPolicies: objects });
  if (compiled.errors.length > 0) return { name, status: 'fail', detail: `refused: ${compiled.errors[0]!.message}` };
  const wrong = step.expected.filter(({ from, to, protocol, port, allowed }) => {
    const packet = { src: { pod: from }, dst: { pod: to }, protocol, port };
    return from !== to && evaluatePacket(compiled, packet).allowed !== allowed;
  });
  const [first] = wrong;
  if (!first) return { name, status: 'pass' };
  const says = `${first.from} -> ${first.to} ${first.protocol} ${first.port}: the table ${first.allowed ? 'allows' : 'denies'} it`;
  return { name, status: 'fail', detail: `${wrong.length} cells differ, such as ${says}` };
}

function run(): CaseResult[] {
  const binary = findBinary();
  if (binary === undefined) {
    console.log('  cyclonus: skipped, its binary is not there (CYCLONUS, PATH or ~/go/bin)');
    return [];
  }
  const { stdout, error } = spawnSync(binary, arguments_, { encoding: 'utf8', maxBuffer: 1 << 28, timeout: 120_000 });
  if (error) return [{ name: 'its output', status: 'fail', detail: error.message }];
  const steps = readOutput(stdout).filter(
    (step) => !step.tags.some((tag) => changing.includes(tag)) && !/ updated (namespace|pod)$/.test(step.case),
  );
  if (steps.length < 200)
    return [{ name: 'its output', status: 'fail', detail: `${steps.length} steps could be read, at least 200 wanted` }];
  const seen = new Map<string, number>();
  return steps.map(judge).map((result) => {
    const count = (seen.get(result.name) ?? 0) + 1;
    seen.set(result.name, count);
    return count === 1 ? result : { ...result, name: `${result.name} #${count}` };
  });
}

export const suites: Suite[] = [{ name: 'cyclonus', run: async () => run() }];
