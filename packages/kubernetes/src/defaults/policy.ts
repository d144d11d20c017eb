import { type Defaulter, fill, part, type Struct } from './value.ts';

/** Defaults of the remaining groups: networking, rbac, discovery, admission, extensions, storage, scheduling. */

const api = 'io.k8s.api.';
const extensions = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.';
const rbacGroup = 'rbac.authorization.k8s.io';

/** Ingress is always governed; Egress only when the policy has egress rules. */
const networkPolicy: Defaulter = (p) => {
  const spec: Struct = part(p, 'spec');
  if ((spec['policyTypes'] ?? []).length > 0) return;
  spec['policyTypes'] = (spec['egress'] ?? []).length > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
};

const rbacSubject: Defaulter = (s) => {
  if (s['kind'] === 'User' || s['kind'] === 'Group') fill(s, { apiGroup: rbacGroup });
};

const webhook: Defaulter = (w) => {
  fill(w, { failurePolicy: 'Fail', matchPolicy: 'Equivalent', namespaceSelector: {}, objectSelector: {}, timeoutSeconds: 10 });
};

const customResource: Defaulter = (crd) => {
  const spec: Struct = part(crd, 'spec');
  fill(spec, { conversion: {} });
  fill(spec['conversion'], { strategy: 'None' });
  const names: Struct = part(spec, 'names');
  const kind: string = names['kind'] ?? '';
  if (kind !== '') fill(names, { singular: kind.toLowerCase(), listKind: `${kind}List` });
};

const withPort443: Defaulter = (reference) => fill(reference, { port: 443 });
const admission = `${api}admissionregistration.v1.`;

export const policyDefaults: Readonly<Record<string, Defaulter>> = {
  [`${api}networking.v1.NetworkPolicy`]: networkPolicy,
  [`${api}networking.v1.NetworkPolicyPort`]: (p) => fill(p, { protocol: 'TCP' }),
  [`${api}networking.v1.IngressClassParametersReference`]: (p) => fill(p, { scope: 'Cluster' }),
  [`${api}rbac.v1.RoleRef`]: (r) => fill(r, { apiGroup: rbacGroup }),
  [`${api}rbac.v1.Subject`]: rbacSubject,
  [`${api}discovery.v1.EndpointPort`]: (p) => fill(p, { name: '', protocol: 'TCP' }),
  [`${admission}ValidatingWebhook`]: webhook,
  [`${admission}MutatingWebhook`]: (w) => {
    webhook(w);
    fill(w, { reinvocationPolicy: 'Never' });
  },
  [`${admission}RuleWithOperations`]: (r) => fill(r, { scope: '*' }),
  [`${admission}NamedRuleWithOperations`]: (r) => fill(r, { scope: '*' }),
  [`${admission}ServiceReference`]: withPort443,
  [`${admission}ValidatingAdmissionPolicySpec`]: (s) => fill(s, { failurePolicy: 'Fail' }),
  [`${admission}MatchResources`]: (m) => fill(m, { matchPolicy: 'Equivalent', namespaceSelector: {}, objectSelector: {} }),
  [`${extensions}CustomResourceDefinition`]: customResource,
  [`${extensions}ServiceReference`]: withPort443,
  'io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.ServiceReference': withPort443,
  [`${api}authentication.v1.TokenRequestSpec`]: (s) => fill(s, { expirationSeconds: 3600 }),
  [`${api}scheduling.v1.PriorityClass`]: (p) => fill(p, { preemptionPolicy: 'PreemptLowerPriority' }),
  [`${api}storage.v1.StorageClass`]: (s) => fill(s, { reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' }),
  [`${api}storage.v1.CSIDriver`]: (d) => {
    fill(part(d, 'spec'), {
      attachRequired: true,
      podInfoOnMount: false,
      storageCapacity: false,
      fsGroupPolicy: 'ReadWriteOnceWithFSType',
      volumeLifecycleModes: ['Persistent'],
      requiresRepublish: false,
      seLinuxMount: false,
    });
  },
};
