import { compilePolicies, evaluatePacket } from '@palisade/netpol';
import type { CaseResult } from '../suite.ts';
import type { Expectation, PacketCase, Question } from './case.ts';
import type { Lab } from './lab.ts';

/** What is to pass may take long on a busy machine; what is not is given a moment to prove us wrong. */
const PASS_MS = 5_000;
const DENY_MS = 300;
const AT_ONCE = 120;

const isPod = (end: string): boolean => end.includes('/');

async function passes(lab: Lab, { from, to, protocol, port }: Question, timeoutMs: number): Promise<boolean> {
  const source = isPod(from) ? lab.endpoint(from) : lab.outside(from);
  return await source.reaches(isPod(to) ? lab.endpoint(to) : to, protocol, port, timeoutMs);
}

/** Packets, the evaluator and whoever made the case must all say the same. */
export async function judge(lab: Lab, { name, ...test }: PacketCase): Promise<CaseResult> {
  try {
    const policies = test.policies();
    const expectations = test.expectations();
    const of = (isClusterWide: boolean) => policies.filter(({ kind }) => (kind === 'ClusterNetworkPolicy') === isClusterWide);
    const compiled = compilePolicies({ ...lab.snapshot, networkPolicies: of(false), clusterPolicies: of(true) });
    await lab.enforce(policies);
    const wrong: string[] = [];
    const ask = async (expectation: Expectation) => {
      const { from, to, protocol, port, allowed } = expectation;
      const end = (one: string) => (isPod(one) ? { pod: one } : { ip: one });
      const evaluated = evaluatePacket(compiled, { src: end(from), dst: end(to), protocol, port }).allowed;
      const met = await passes(lab, expectation, allowed ? PASS_MS : DENY_MS);
      if (met !== allowed || evaluated !== allowed)
        wrong.push(`${from} -> ${to} ${protocol} ${port}: expected ${allowed}, evaluated ${evaluated}, packets ${met}`);
    };
    for (let start = 0; start < expectations.length; start += AT_ONCE)
      await Promise.all(expectations.slice(start, start + AT_ONCE).map(ask));
    const count = `${wrong.length} of ${expectations.length} packets`;
    return wrong.length === 0 ? { name, status: 'pass' } : { name, status: 'fail', detail: `${count}: ${wrong.slice(0, 3).join('; ')}` };
  } catch (error) {
    return { name, status: 'fail', detail: (error as Error).message };
  }
}
