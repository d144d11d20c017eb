/**
 * cyclonus's own truth tables against ours (cyclonus-lib/steps.ts says which). A pod's traffic to itself is left out: the tables deny
 * it, Kubernetes leaves it open, and every node lets it pass.
 */
import { compilePolicies, evaluatePacket } from '@palisade/netpol';
import { missingCyclonus, type NamedStep, namespaces, pods, policiesOf, readSteps } from './cyclonus-lib/steps.ts';
import type { CaseResult, Suite } from './suite.ts';

function judge(step: NamedStep): CaseResult {
  const { name } = step;
  const compiled = compilePolicies({ namespaces, pods, networkPolicies: policiesOf(step) });
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

export const suites: Suite[] = [{ name: 'cyclonus', missing: missingCyclonus, run: async () => readSteps().map(judge) }];
