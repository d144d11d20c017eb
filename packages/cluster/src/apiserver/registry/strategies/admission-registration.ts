import type { KubernetesObject, StatusCause } from '@palisade/kubernetes';
import { conditionFaults, type MatchCondition } from '../../admission/conditions.ts';
import type { Strategy } from './strategy.ts';

/** Conditions are compiled before they are stored: one that is never asked is a hole. */
export const webhookConfigurationStrategy: Strategy = {
  check: (configuration) =>
    ((configuration['webhooks'] ?? []) as { matchConditions?: MatchCondition[] }[]).flatMap((webhook, i) =>
      conditionFaults(webhook.matchConditions ?? [], `webhooks[${i}].matchConditions`),
    ),
};

const NO_POLICIES: StatusCause = {
  reason: 'FieldValueForbidden',
  message: 'Forbidden: ValidatingAdmissionPolicy is not served: use a ValidatingWebhookConfiguration',
  field: 'spec',
};

/** ValidatingAdmissionPolicy and its bindings: what would be stored and then not obeyed is refused. */
export const admissionPolicyStrategy: Strategy = {
  check: (_policy: KubernetesObject) => [NO_POLICIES],
};
