import { Verdict } from '@palisade/flow';
import { policyRefs, reasonForNoRule, reasonForRule, ruleRef } from './evaluate.ts';
import type { CompiledPolicy, CompiledRule, Direction } from './model.ts';
import type { LogMeaning } from './nft/log-prefix.ts';

/** An explicit Deny. */
export function denialByRule(rule: CompiledRule): LogMeaning {
  return {
    verdict: Verdict.dropped,
    direction: rule.direction,
    reason: reasonForRule(rule),
    policy: ruleRef(rule),
    isolatedBy: [],
  };
}

/** Isolated, and no rule allows it. */
export function denialWithoutRule(isolating: readonly CompiledPolicy[], direction: Direction): LogMeaning {
  const isolatedBy = policyRefs(isolating, direction);
  return { verdict: Verdict.dropped, direction, reason: reasonForNoRule(isolating), policy: isolatedBy[0]!, isolatedBy };
}
