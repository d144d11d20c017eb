import { type KubernetesObject, matchLabelSelector } from '@palisade/kubernetes';
import type { Operation, Scope } from '../core.ts';
import type { MatchCondition } from './conditions.ts';

/** One webhook of a configuration (admissionregistration.k8s.io/v1), with the defaults filled in when it was stored. */
export interface Webhook {
  readonly name: string;
  readonly clientConfig: {
    readonly url?: string;
    readonly service?: { readonly namespace: string; readonly name: string; readonly path?: string; readonly port?: number };
    readonly caBundle?: string;
  };
  readonly rules?: readonly {
    readonly operations: readonly string[];
    readonly apiGroups: readonly string[];
    readonly apiVersions: readonly string[];
    readonly resources: readonly string[];
    readonly scope?: string;
  }[];
  readonly failurePolicy?: 'Fail' | 'Ignore';
  readonly namespaceSelector?: Parameters<typeof matchLabelSelector>[0];
  readonly objectSelector?: Parameters<typeof matchLabelSelector>[0];
  readonly matchConditions?: readonly MatchCondition[];
  readonly sideEffects?: string;
  readonly timeoutSeconds?: number;
  readonly reinvocationPolicy?: 'Never' | 'IfNeeded';
}

export interface AdmissionTarget {
  readonly operation: Operation;
  readonly scope: Scope;
  readonly object: KubernetesObject | undefined;
  readonly old: KubernetesObject | undefined;
  /** Labels of the namespace; of a Namespace object its own. */
  readonly namespaceLabels: Readonly<Record<string, string>> | undefined;
}

/** Whether a webhook is to be asked about a request: rules, then selectors on the namespace and on the object before or after. */
export function matchesWebhook(webhook: Webhook, target: AdmissionTarget): boolean {
  const { operation, scope, object, old, namespaceLabels } = target;
  const { group, version, resource } = scope.resource.gvr;
  const asked = scope.subresource === '' ? resource : `${resource}/${scope.subresource}`;
  const has = (list: readonly string[], value: string) => list.includes('*') || list.includes(value);
  const wanted = webhook.rules?.some((rule) => {
    const inScope = rule.scope === undefined || rule.scope === '*' || (rule.scope === 'Namespaced') === scope.resource.info.namespaced;
    return (
      inScope &&
      has(rule.operations, operation) &&
      has(rule.apiGroups, group) &&
      has(rule.apiVersions, version) &&
      rule.resources.some((one) => coversResource(one, asked))
    );
  });
  if (wanted !== true) return false;
  // Objects outside namespaces are never excluded by a namespace selector, Namespaces by their own labels.
  if (
    namespaceLabels !== undefined &&
    webhook.namespaceSelector !== undefined &&
    !matchLabelSelector(webhook.namespaceSelector, namespaceLabels)
  )
    return false;
  const { matchLabels = {}, matchExpressions = [] } = webhook.objectSelector ?? {};
  if (Object.keys(matchLabels).length === 0 && matchExpressions.length === 0) return true;
  // What can have no labels, such as the options of a connection, is not taken by what its labels are not.
  return [object, old].some((one) => one?.metadata !== undefined && matchLabelSelector(webhook.objectSelector, one.metadata.labels));
}

/** `pods`, `pods/status`, `pods/*`, `*` (no subresources), `*\/*` (everything), `*\/scale`. */
function coversResource(pattern: string, asked: string): boolean {
  const [resource = '', subresource = ''] = pattern.split('/');
  const [askedResource = '', askedSubresource = ''] = asked.split('/');
  return (resource === '*' || resource === askedResource) && (subresource === askedSubresource || subresource === '*');
}
