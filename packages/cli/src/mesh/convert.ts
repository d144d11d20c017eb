/** `palisade convert -f`: the kinds of Istio 1.1 as today's, and what cannot be said in them. */
import type { KubernetesObject } from '@palisade/kubernetes';
import {
  convertLegacyAuthn,
  convertLegacyRbac,
  parseLegacyAuthnPolicy,
  parseRbacConfig,
  parseServiceRole,
  parseServiceRoleBinding,
} from '@palisade/mesh';
import { readManifests } from '@palisade/netpol';
import { stringify } from 'yaml';
import { readFiles } from '../netpol/read-files.ts';

interface ConvertOptions {
  readonly filename: readonly string[];
  readonly istioNamespace: string;
  readonly style: string;
  readonly output: string;
  readonly clusterDomain: string;
}

/** Policies on standard output, what is lost on standard error. @returns 0; 1 when something could not be converted */
export async function convert(options: ConvertOptions): Promise<number> {
  const { style } = options;
  if (style !== 'strict' && style !== 'istioctl') throw new Error(`Cannot use --style "${style}": expected strict or istioctl`);
  const { objects } = readManifests(readFiles(options.filename));
  const { policies, problems } = convertObjects(objects, { ...options, style });
  for (const problem of problems) console.error(`palisade: ${problem}`);
  if (options.output === 'json') process.stdout.write(`${JSON.stringify({ policies, problems }, null, 2)}\n`);
  else process.stdout.write(policies.map((policy) => stringify(policy, { aliasDuplicateObjects: false })).join('---\n'));
  return problems.length === 0 ? 0 : 1;
}

export function convertObjects(
  objects: readonly KubernetesObject[],
  options: { readonly istioNamespace: string; readonly style: 'strict' | 'istioctl'; readonly clusterDomain: string },
) {
  const problems: string[] = [];
  const read = <T>(kind: string, group: string, parse: (object: KubernetesObject) => T): T[] =>
    objects
      .filter((object) => object.kind === kind && object.apiVersion?.startsWith(`${group}/`))
      .flatMap((object) => {
        try {
          return [parse(object)];
        } catch (error) {
          problems.push(`${kind} ${object.metadata.namespace}/${object.metadata.name} is not converted: ${(error as Error).message}`);
          return [];
        }
      });
  const services = objects
    .filter(({ kind }) => kind === 'Service')
    .map(({ metadata, spec }) => ({
      namespace: metadata.namespace ?? 'default',
      name: metadata.name ?? '',
      hostname: `${metadata.name}.${metadata.namespace ?? 'default'}.svc.${options.clusterDomain}`,
      selector: ((spec as { selector?: Record<string, string> } | undefined)?.selector ?? {}) as Readonly<Record<string, string>>,
      ports: ((spec as { ports?: readonly Port[] } | undefined)?.ports ?? []) as readonly Port[],
    }));
  const rbac = {
    configs: [...read('ClusterRbacConfig', 'rbac.istio.io', parseRbacConfig), ...read('RbacConfig', 'rbac.istio.io', parseRbacConfig)],
    roles: read('ServiceRole', 'rbac.istio.io', parseServiceRole),
    bindings: read('ServiceRoleBinding', 'rbac.istio.io', parseServiceRoleBinding),
  };
  const authn = [
    ...read('MeshPolicy', 'authentication.istio.io', parseLegacyAuthnPolicy),
    ...read('Policy', 'authentication.istio.io', parseLegacyAuthnPolicy),
  ];
  const scope = { rootNamespace: options.istioNamespace };
  const ofAuthn = convertLegacyAuthn(authn, services, scope);
  const hasRbac = rbac.configs.length + rbac.roles.length + rbac.bindings.length > 0;
  const ofRbac = hasRbac
    ? convertLegacyRbac(rbac, services, { ...scope, style: options.style, isConfigOptional: options.style === 'istioctl' })
    : { policies: [], problems: [] };
  return { policies: [...ofAuthn.policies, ...ofRbac.policies], problems: [...problems, ...ofAuthn.problems, ...ofRbac.problems] };
}

interface Port {
  readonly name?: string;
  readonly port: number;
  readonly targetPort?: number | string;
}
