import type { KubernetesObject, StatusCause } from '@palisade/kubernetes';
import type { Strategy } from '../strategy.ts';

const NO_CEL = 'expressions (CEL) are not evaluated by this server yet';

/** What would be stored and then not obeyed is refused: an ignored condition is a hole. */
export const webhookConfigurationStrategy: Strategy = {
  check: (configuration) =>
    ((configuration['webhooks'] ?? []) as { matchConditions?: unknown[] }[]).flatMap((webhook, i): StatusCause[] =>
      webhook.matchConditions?.length
        ? [{ reason: 'FieldValueForbidden', message: `Forbidden: ${NO_CEL}`, field: `webhooks[${i}].matchConditions` }]
        : [],
    ),
};

/** ValidatingAdmissionPolicy and its bindings. */
export const admissionPolicyStrategy: Strategy = {
  check: (_policy: KubernetesObject) => [{ reason: 'FieldValueForbidden', message: `Forbidden: ${NO_CEL}`, field: 'spec' }],
};
