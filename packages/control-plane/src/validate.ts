/** What admission takes of Istio's kinds: those in this table, as far as their parsers read them. Everything else is "not yet". */
import type { KubernetesObject } from '@palisade/kubernetes';
import {
  dryRunAnnotation,
  MeshError,
  parseAuthorizationPolicy,
  parseLegacyAuthnPolicy,
  parsePeerAuthentication,
  parseRbacConfig,
  parseRequestAuthentication,
  parseServiceRole,
  parseServiceRoleBinding,
} from '@palisade/mesh';
import { parseDestinationRule, parseGateway, parseVirtualService } from '@palisade/mesh/traffic';

function refuse(field: string, problem: string): never {
  throw new MeshError('bad-resource', field, problem);
}

type Check = (object: KubernetesObject, clusterDomain: string) => unknown;

const served: Readonly<Record<string, Check>> = {
  'security.istio.io/AuthorizationPolicy': (object) => {
    const policy = parseAuthorizationPolicy(object);
    if (policy.action === 'CUSTOM') refuse('spec.action', 'CUSTOM is not yet supported');
    // Stored, they decide nothing; whoever writes them means something else.
    if (policy.action === 'DENY' && policy.rules.length === 0)
      refuse('spec.rules', 'missing: DENY without rules denies nothing; one rule {} denies everything');
    const empty = policy.rules.indexOf(null);
    if (empty >= 0) refuse(`spec.rules[${empty}]`, 'is null: a rule {} matches everything');
    return policy;
  },
  'security.istio.io/PeerAuthentication': parsePeerAuthentication,
  'security.istio.io/RequestAuthentication': parseRequestAuthentication,
  'networking.istio.io/DestinationRule': parseDestinationRule,
  'networking.istio.io/Gateway': parseGateway,
  'networking.istio.io/VirtualService': parseVirtualService,
  'authentication.istio.io/Policy': parseLegacyAuthnPolicy,
  'authentication.istio.io/MeshPolicy': parseLegacyAuthnPolicy,
  'rbac.istio.io/ClusterRbacConfig': parseRbacConfig,
  'rbac.istio.io/RbacConfig': parseRbacConfig,
  'rbac.istio.io/ServiceRole': parseServiceRole,
  'rbac.istio.io/ServiceRoleBinding': parseServiceRoleBinding,
};

/** The groups whose objects come here: what is served and what is refused, but never ignored. */
export const validatedGroups = [
  'security.istio.io',
  'networking.istio.io',
  'telemetry.istio.io',
  'extensions.istio.io',
  'authentication.istio.io',
  'rbac.istio.io',
] as const;

/** @returns its checked form @throws MeshError naming the field */
export function checkResource(object: KubernetesObject, clusterDomain: string): unknown {
  const group = (object.apiVersion ?? '').split('/')[0];
  const check = served[`${group}/${object.kind}`];
  if (check === undefined) refuse('kind', `${object.kind} of ${group} is not yet supported`);
  if (object.kind !== 'AuthorizationPolicy' && object.metadata.annotations?.[dryRunAnnotation] !== undefined)
    refuse(`metadata.annotations[${dryRunAnnotation}]`, `only an AuthorizationPolicy can be tried: this ${object.kind} would be enforced`);
  return check(object, clusterDomain);
}
