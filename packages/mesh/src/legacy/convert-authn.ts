/** authentication.istio.io/v1alpha1 into PeerAuthentication and RequestAuthentication, for people who migrate: every mode stays what it was. */
import { MtlsMode } from '../authn/peer-authentication.ts';
import type { JwtRule, TokenRequirement } from '../authn/request-authentication.ts';
import { type LegacyAuthnPolicy, type LegacyServicePort, legacyPolicyName, resolveLegacyAuthn } from './authn.ts';

export interface AuthnService {
  readonly namespace: string;
  readonly name: string;
  readonly selector: Readonly<Record<string, string>>;
  readonly ports: readonly { readonly name?: string; readonly port: number; readonly targetPort?: number | string }[];
}

export interface AuthnConversion {
  readonly policies: readonly ConvertedAuthn[];
  /** What cannot be converted, one sentence each. With any of them the policies are not the whole meaning. */
  readonly problems: readonly string[];
}

export interface ConvertedAuthn {
  readonly apiVersion: 'security.istio.io/v1';
  readonly kind: 'PeerAuthentication' | 'RequestAuthentication' | 'AuthorizationPolicy';
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: object;
}

interface Place {
  readonly name: string;
  readonly namespace: string;
  /** Absent = the whole namespace, of the root namespace the mesh. */
  readonly selector?: Readonly<Record<string, string>>;
}

export function convertLegacyAuthn(
  policies: readonly LegacyAuthnPolicy[],
  services: readonly AuthnService[],
  { rootNamespace }: { readonly rootNamespace: string },
): AuthnConversion {
  const problems: string[] = [];
  const general = policies
    .filter(({ targets }) => targets.length === 0)
    .flatMap((policy) => {
      const place = { name: 'default', namespace: policy.namespace ?? rootNamespace };
      return [peerAuthentication(place, policy.mode), ...convertTokens(place, policy.tokens, legacyPolicyName(policy), problems)];
    });
  const targeted = policies.filter(({ targets }) => targets.length > 0);
  for (const policy of targeted) {
    for (const { service } of policy.targets) {
      if (!services.some(({ namespace, name }) => namespace === policy.namespace && name === service))
        problems.push(
          `${legacyPolicyName(policy)} is for service "${service}", which is not among the manifests: its workload is not known`,
        );
    }
  }
  const special = groupByWorkload(services).flatMap((group) => {
    const names = group.map(({ name }) => name);
    const own = targeted.filter(
      ({ namespace, targets }) => namespace === group[0]!.namespace && targets.some(({ service }) => names.includes(service)),
    );
    return own.length === 0 ? [] : convertWorkload(policies, group, own, problems);
  });
  return { policies: [...general, ...special], problems };
}

/** Services of one selector stand before the same pods, whose ports get one policy. */
function groupByWorkload(services: readonly AuthnService[]): AuthnService[][] {
  const groups = Map.groupBy(
    services.filter(({ selector }) => Object.keys(selector).length > 0),
    ({ namespace, selector }) => JSON.stringify([namespace, Object.entries(selector).sort()]),
  );
  return [...groups.values()];
}

function convertWorkload(
  policies: readonly LegacyAuthnPolicy[],
  group: readonly AuthnService[],
  own: readonly LegacyAuthnPolicy[],
  problems: string[],
): ConvertedAuthn[] {
  const { namespace, name, selector } = group[0]!;
  const ports = group.flatMap((service) =>
    service.ports.flatMap((port): LegacyServicePort[] => {
      if (typeof port.targetPort === 'string') {
        problems.push(`port ${port.port} of service ${namespace}/${service.name} leads to port "${port.targetPort}": write its number`);
        return [];
      }
      return [{ service: service.name, port: port.port, portName: port.name ?? '', targetPort: port.targetPort ?? port.port }];
    }),
  );
  const { mtls, tokens } = resolveLegacyAuthn(policies, namespace, ports, MtlsMode.permissive);
  const place = { name, namespace, selector };
  const names = own.map(legacyPolicyName).join(', ');
  // A policy for the service as a whole differs on each of its ports alike.
  const wanted = [...tokens.ports.values()];
  const [first = tokens.general] = wanted;
  const isUniform =
    wanted.length === 0 ||
    (wanted.length === new Set(ports.map(({ targetPort }) => targetPort)).size && wanted.every((each) => each === first));
  if (!isUniform) problems.push(`${names}: tokens that only some ports ask for cannot be said today`);
  return [peerAuthentication(place, mtls.mode, mtls.ports), ...(isUniform ? convertTokens(place, first, names, problems) : [])];
}

function peerAuthentication(place: Place, mode: MtlsMode, ports: ReadonlyMap<number, MtlsMode> = new Map()): ConvertedAuthn {
  const portLevelMtls = Object.fromEntries([...ports].map(([port, portMode]) => [port, { mode: portMode }]));
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'PeerAuthentication',
    metadata: { name: place.name, namespace: place.namespace },
    spec: { ...selectorOf(place), mtls: { mode }, ...(ports.size > 0 ? { portLevelMtls } : {}) },
  };
}

function selectorOf({ selector }: Place) {
  return selector === undefined ? {} : { selector: { matchLabels: selector } };
}

function convertTokens(
  place: Place,
  { rules, isRequired, triggers }: TokenRequirement,
  source: string,
  problems: string[],
): ConvertedAuthn[] {
  if (rules.length === 0) return [];
  if (triggers.length > 0) {
    problems.push(`${source}: triggerRules cannot be said today; its tokens are not converted`);
    return [];
  }
  const metadata = { name: place.name, namespace: place.namespace };
  const request: ConvertedAuthn = {
    apiVersion: 'security.istio.io/v1',
    kind: 'RequestAuthentication',
    metadata,
    spec: { ...selectorOf(place), jwtRules: rules.map(convertRule) },
  };
  if (!isRequired) return [request];
  // A token is made compulsory by refusing who shows none.
  const from = [{ source: { notRequestPrincipals: ['*'] } }];
  const compulsory: ConvertedAuthn = {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { ...metadata, name: `${place.name}-requires-token` },
    spec: { ...selectorOf(place), action: 'DENY', rules: [{ from }] },
  };
  return [request, compulsory];
}

function convertRule({ issuer, audiences, jwks, jwksUri, fromHeaders, fromParams }: JwtRule): object {
  return {
    issuer,
    ...(audiences.length > 0 ? { audiences } : {}),
    ...(jwks === undefined ? {} : { jwks }),
    ...(jwksUri === undefined ? {} : { jwksUri }),
    ...(fromHeaders.length > 0
      ? { fromHeaders: fromHeaders.map(({ name, prefix }) => ({ name, ...(prefix === '' ? {} : { prefix }) })) }
      : {}),
    ...(fromParams.length > 0 ? { fromParams } : {}),
    forwardOriginalToken: true,
  };
}
