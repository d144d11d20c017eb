import type { AuthorizationPolicy } from '@palisade/mesh';
import { backedPorts } from '@palisade/mesh/call';
import { securityOf } from '@palisade/mesh/traffic';
import { kubeconfigToUse } from '../../kubeconfig.ts';
import { type Answer, printAnswer } from '../../output.ts';
import { renderTable } from '../../table.ts';
import { askProxy } from '../ask.ts';
import { findSourcePods, nameOf } from '../ends.ts';
import { readPart } from '../proxy-config/dump.ts';
import { hasProxy, loadMesh, type MeshSource, type MeshSourceOptions, workloadOf } from '../source.ts';

interface CheckOptions extends MeshSourceOptions {
  readonly namespace: string;
  readonly output: string;
}

/** `palisade authz check POD`. @returns 0; 1 when the proxy does not run what applies to its pod */
export async function check(pod: string, options: CheckOptions): Promise<number> {
  const source = await loadMesh(options);
  const [found] = findSourcePods(source, pod, options.namespace);
  if (!hasProxy(found!)) throw new Error(`${nameOf(found!)} has no proxy: no policy is enforced before it`);
  const { namespace = 'default', name = '' } = found!.metadata;
  const running = source.isLive
    ? runningRules(await askProxy(kubeconfigToUse(options.kubeconfig), { namespace, name }, '/config_dump?include_eds'))
    : undefined;
  const checked = checkPod(source, found!, running);
  printAnswer(checked.answer, options.output);
  return checked.isWhole ? 0 : 1;
}

/** Keys of the rules in the proxy's own filters: `ns/name/rule`. */
export function runningRules(dump: unknown): Set<string> {
  const text = JSON.stringify(readPart(dump, 'listeners'));
  return new Set(
    [...text.matchAll(/ns\[([^\]]+)\]-policy\[([^\]]+)\]-rule\[(\d+)\]/g)].map(([, ns, name, rule]) => `${ns}/${name}/${rule}`),
  );
}

/** @param running undefined = there is no proxy to ask */
export function checkPod(source: MeshSource, pod: MeshSource['pods'][number], running: ReadonlySet<string> | undefined) {
  const workload = workloadOf(pod);
  const { mtls, authorization, warnings } = securityOf(source.snapshot, workload);
  const isRunning = ({ namespace, name, rules }: AuthorizationPolicy) =>
    // A policy without rules is one that nothing matches; one that only TCP ports could answer may leave no rule behind.
    rules.length === 0 ? running?.has(`${namespace}/${name}/0`) : rules.some((_, index) => running?.has(`${namespace}/${name}/${index}`));
  const policies = authorization.map((policy) => ({
    action: policy.action,
    name: `${policy.name}.${policy.namespace}`,
    rules: policy.rules.length,
    isDryRun: policy.isDryRun,
    ...(running === undefined ? {} : { isRunning: isRunning(policy) === true || (policy.action !== 'ALLOW' && policy.rules.length === 0) }),
  }));
  const header = ['ACTION', 'AuthorizationPolicy', 'RULES', ...(running === undefined ? [] : ['IN THE PROXY'])];
  const rows = policies.map(({ action, name, rules, isDryRun, isRunning: runs }) => [
    isDryRun ? `${action} (dry run)` : action,
    name,
    String(rules),
    ...(runs === undefined ? [] : [runs ? 'yes' : 'NO']),
  ]);
  const ports = backedPorts(source.snapshot.services, workload).map(({ targetPort }) => targetPort);
  const modes = [...new Set(ports)].map((port) => `${port}=${mtls.ports.get(port) ?? mtls.mode}`).join(' ');
  const data = {
    pod: nameOf(pod),
    policies,
    mtls: { mode: mtls.mode, ports: Object.fromEntries(mtls.ports), decidedBy: mtls.decidedBy },
    warnings,
  };
  const text = [
    `Checked ${nameOf(pod)}`,
    rows.length === 0 ? 'No policy applies: every caller is allowed.' : renderTable(header, rows),
    // PeerAuthentications say nothing about the ports that Gateways open.
    ...(workload.isGateway
      ? []
      : [
          `mutual TLS: ${mtls.mode}${modes === '' ? '' : ` (${modes})`}${mtls.decidedBy.length > 0 ? `, from ${mtls.decidedBy.join(', ')}` : ''}`,
        ]),
    ...warnings.map((warning) => `warning: ${warning}`),
    ...source.problems.map((problem) => `not in force: ${problem}`),
  ].join('\n');
  const answer: Answer = { text, data };
  return { answer, isWhole: policies.every(({ isRunning: runs }) => runs !== false) };
}
