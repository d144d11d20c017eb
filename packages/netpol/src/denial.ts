import { Verdict } from '@palisade/flow';
import { policyRefs, reasonForNoRule, reasonForRule, ruleRef } from './evaluate.ts';
import type { CompiledPolicy, CompiledRule, Direction } from './model.ts';
import type { LogMeaning } from './nft/log-prefix.ts';

/** An explicit Deny. */
export function denialByRule(rule: CompiledRule, verdict: Verdict = Verdict.dropped): LogMeaning {
  return {
    verdict,
    direction: rule.direction,
    reason: reasonForRule(rule),
    policy: ruleRef(rule),
    isolatedBy: [],
  };
}

/** Isolated, and no rule allows it. */
export function denialWithoutRule(
  isolating: readonly CompiledPolicy[],
  direction: Direction,
  verdict: Verdict = Verdict.dropped,
): LogMeaning {
  const isolatedBy = policyRefs(isolating, direction);
  return { verdict, direction, reason: reasonForNoRule(isolating), policy: isolatedBy[0]!, isolatedBy };
}
