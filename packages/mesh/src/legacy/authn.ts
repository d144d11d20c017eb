/**
 * authentication.istio.io/v1alpha1 Policy and MeshPolicy: mTLS mode and compulsory tokens of a workload's ports as Istio 1.1 decided them.
 */
import type { KubernetesObject } from '@palisade/kubernetes';
import { type MergedMtls, MtlsMode } from '../authn/peer-authentication.ts';
import type { TokenPlan, TokenRequirement } from '../authn/request-authentication.ts';
import { notYet, readChoice, readFields, readFlag, readList, readString, refuse } from '../resources/read.ts';
import { noTokens, readOrigins } from './origins.ts';

export interface LegacyAuthnPolicy {
  /** Absent = MeshPolicy. */
  readonly namespace?: string;
  readonly name: string;
  /** None = the whole namespace or mesh. */
  readonly targets: readonly { readonly service: string; readonly ports: readonly (number | string)[] }[];
  readonly mode: MtlsMode;
  readonly tokens: TokenRequirement;
}

export interface LegacyServicePort {
  /** Short name of the service. */
  readonly service: string;
  readonly port: number;
  readonly portName: string;
  /** Of the workload. */
  readonly targetPort: number;
}

/** What is not served is refused: a policy that asks for it must not look as if it were enforced. */
export function parseLegacyAuthnPolicy(object: KubernetesObject): LegacyAuthnPolicy {
  const isMesh = object.kind === 'MeshPolicy';
  const { name = '', namespace = 'default' } = object.metadata;
  const spec =
    readFields(object['spec'], 'spec', ['targets', 'peers', 'peerIsOptional', 'origins', 'originIsOptional', 'principalBinding']) ?? {};
  if (readFlag(spec['peerIsOptional'], 'spec.peerIsOptional')) refuse('spec.peerIsOptional', 'not supported: use mtls mode PERMISSIVE');
  // `request.auth.principal` is the token's under both.
  readChoice(spec['principalBinding'], 'spec.principalBinding', ['USE_PEER', 'USE_ORIGIN'] as const, 'USE_PEER');
  if (isMesh && name !== 'default') refuse('metadata.name', `found "${name}", expected "default": a mesh has one MeshPolicy`);
  const targets = (readList(spec['targets'], 'spec.targets') ?? []).map((target, index) => readTarget(target, `spec.targets[${index}]`));
  if (isMesh && targets.length > 0) refuse('spec.targets', 'a MeshPolicy has no targets');
  if (!isMesh && targets.length === 0 && name !== 'default')
    refuse('metadata.name', `found "${name}", expected "default": a policy without targets is the namespace’s`);
  const tokens = readOrigins(spec['origins'], readFlag(spec['originIsOptional'], 'spec.originIsOptional'));
  return { ...(isMesh ? {} : { namespace }), name, targets, mode: readPeers(spec['peers']), tokens };
}

/** Stands for a stored policy that cannot be read: mTLS, and a token that nobody can have, for all that it may concern. */
export function denyingLegacyPolicy({ kind, metadata }: KubernetesObject): LegacyAuthnPolicy {
  const { name = '', namespace = 'default' } = metadata;
  return {
    ...(kind === 'MeshPolicy' ? {} : { namespace }),
    name,
    targets: [],
    mode: MtlsMode.strict,
    tokens: readOrigins([{ jwt: { issuer: 'nobody' } }], false),
  };
}

function readTarget(value: unknown, field: string) {
  const target = readFields(value, field, ['name', 'ports'], notYet('labels')) ?? refuse(field, 'missing');
  const service = readString(target['name'], `${field}.name`);
  if (service.includes('.') || service.includes('*')) refuse(`${field}.name`, `found "${service}", expected the short name of a service`);
  const ports = (readList(target['ports'], `${field}.ports`) ?? []).map((item, index) => {
    const where = `${field}.ports[${index}]`;
    const port = readFields(item, where, ['number', 'name']) ?? refuse(where, 'missing');
    if (port['name'] !== undefined) return readString(port['name'], `${where}.name`);
    const { number } = port;
    return Number.isInteger(number) ? (number as number) : refuse(`${where}.number`, 'expected a port number');
  });
  return { service, ports };
}

/** No peers, no mTLS; `mtls` without a mode, and null, is STRICT. */
function readPeers(value: unknown): MtlsMode {
  const peers = readList(value, 'spec.peers') ?? [];
  const modes = peers.map((item, index) => {
    const field = `spec.peers[${index}]`;
    const peer = readFields(item, field, ['mtls'], { jwt: 'use origins' });
    if (peer === undefined || !('mtls' in peer)) refuse(field, 'only mtls is supported');
    const mtls = readFields(peer['mtls'], `${field}.mtls`, ['mode'], notYet('allowTls'));
    return readChoice(mtls?.['mode'], `${field}.mtls.mode`, [MtlsMode.strict, MtlsMode.permissive] as const, MtlsMode.strict);
  });
  if (modes.length > 1) refuse('spec.peers[1]', 'found a second way to know a peer, expected one');
  return modes[0] ?? MtlsMode.disable;
}

export interface LegacyAuthn {
  readonly mtls: MergedMtls;
  readonly tokens: TokenPlan;
}

/**
 * A policy for the service and port beats one for the service, that the namespace's, that the mesh's; the winner counts whole. A port
 * behind two services that disagree takes the stricter mode, and the tokens of the one that asks for any.
 *
 * @param ports of every service the workload stands behind
 * @param unset mode where no policy speaks: DISABLE in 1.1
 */
export function resolveLegacyAuthn(
  policies: readonly LegacyAuthnPolicy[],
  namespace: string,
  ports: readonly LegacyServicePort[],
  unset: MtlsMode = MtlsMode.disable,
): LegacyAuthn {
  const general = generalPolicy(policies, namespace);
  const mode = general?.mode ?? unset;
  const decided = ports.map((port) => ({ ...port, policy: policyOfPort(policies, namespace, port) }));
  const modes = new Map<number, MtlsMode>();
  const tokens = new Map<number, TokenRequirement>();
  for (const { targetPort, policy } of decided) {
    modes.set(targetPort, stricter(modes.get(targetPort), policy?.mode ?? unset));
    const wanted = policy?.tokens ?? noTokens;
    if (!tokens.get(targetPort)?.isRequired) tokens.set(targetPort, wanted);
  }
  const names = [...decided.map(({ policy }) => policy), general].filter((policy) => policy !== undefined);
  const generalTokens = general?.tokens ?? noTokens;
  return {
    mtls: {
      mode,
      ports: new Map([...modes].filter(([, portMode]) => portMode !== mode)),
      decidedBy: [...new Set(names.map(legacyPolicyName))],
    },
    tokens: { general: generalTokens, ports: new Map([...tokens].filter(([, wanted]) => wanted !== generalTokens)) },
  };
}

export function legacyPolicyName({ namespace, name }: LegacyAuthnPolicy): string {
  return namespace === undefined ? `MeshPolicy ${name}` : `Policy ${namespace}/${name}`;
}

function generalPolicy(policies: readonly LegacyAuthnPolicy[], namespace: string): LegacyAuthnPolicy | undefined {
  const own = policies.find((policy) => policy.namespace === namespace && policy.targets.length === 0);
  return own ?? policies.find((policy) => policy.namespace === undefined);
}

/** @returns undefined where no policy speaks */
export function policyOfPort(
  policies: readonly LegacyAuthnPolicy[],
  namespace: string,
  port: Pick<LegacyServicePort, 'service' | 'port' | 'portName'>,
): LegacyAuthnPolicy | undefined {
  const own = policies.filter((policy) => policy.namespace === namespace);
  const targeting = (isWanted: (ports: readonly (number | string)[]) => boolean) =>
    own.find(({ targets }) => targets.some((target) => target.service === port.service && isWanted(target.ports)));
  return (
    targeting((ports) => ports.includes(port.port) || ports.includes(port.portName)) ??
    targeting((ports) => ports.length === 0) ??
    generalPolicy(policies, namespace)
  );
}

const strictness: readonly MtlsMode[] = [MtlsMode.disable, MtlsMode.permissive, MtlsMode.strict];

function stricter(known: MtlsMode | undefined, other: MtlsMode): MtlsMode {
  return known === undefined || strictness.indexOf(other) > strictness.indexOf(known) ? other : known;
}
