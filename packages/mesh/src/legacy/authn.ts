/** authentication.istio.io/v1alpha1 Policy and MeshPolicy: the mTLS mode of a workload's ports as Istio 1.1 decided it. */
import type { KubernetesObject } from '@palisade/kubernetes';
import { type MergedMtls, MtlsMode } from '../authn/peer-authentication.ts';
import { readChoice, readFields, readList, readString, refuse } from '../resources/read.ts';

export interface LegacyAuthnPolicy {
  /** Absent = MeshPolicy. */
  readonly namespace?: string;
  readonly name: string;
  /** None = the whole namespace or mesh. */
  readonly targets: readonly { readonly service: string; readonly ports: readonly (number | string)[] }[];
  readonly mode: MtlsMode;
}

export interface LegacyServicePort {
  /** Short name of the service. */
  readonly service: string;
  readonly port: number;
  readonly portName: string;
  /** Of the workload. */
  readonly targetPort: number;
}

/** Tokens (`origins`) are not served yet and refused: a policy that asks for them must not look as if it were enforced. */
export function parseLegacyAuthnPolicy(object: KubernetesObject): LegacyAuthnPolicy {
  const isMesh = object.kind === 'MeshPolicy';
  const { name = '', namespace = 'default' } = object.metadata;
  const spec =
    readFields(object['spec'], 'spec', ['targets', 'peers', 'peerIsOptional', 'origins', 'originIsOptional', 'principalBinding']) ?? {};
  for (const field of ['origins', 'peerIsOptional', 'originIsOptional', 'principalBinding'] as const) {
    if (spec[field] !== undefined) refuse(`spec.${field}`, 'not yet supported');
  }
  if (isMesh && name !== 'default') refuse('metadata.name', `found "${name}", expected "default": a mesh has one MeshPolicy`);
  const targets = (readList(spec['targets'], 'spec.targets') ?? []).map((target, index) => readTarget(target, `spec.targets[${index}]`));
  if (isMesh && targets.length > 0) refuse('spec.targets', 'a MeshPolicy has no targets');
  if (!isMesh && targets.length === 0 && name !== 'default')
    refuse('metadata.name', `found "${name}", expected "default": a policy without targets is the namespace’s`);
  return { ...(isMesh ? {} : { namespace }), name, targets, mode: readPeers(spec['peers']) };
}

function readTarget(value: unknown, field: string) {
  const target = readFields(value, field, ['name', 'ports']) ?? refuse(field, 'missing');
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
  for (const [index, item] of peers.entries()) {
    const field = `spec.peers[${index}]`;
    const peer = readFields(item, field, ['mtls', 'jwt']);
    if (peer === undefined || !('mtls' in peer)) refuse(field, 'only mtls is supported');
    const mtls = readFields(peer['mtls'], `${field}.mtls`, ['mode', 'allowTls']);
    if (mtls?.['allowTls'] !== undefined) refuse(`${field}.mtls.allowTls`, 'not supported');
    return readChoice(mtls?.['mode'], `${field}.mtls.mode`, [MtlsMode.strict, MtlsMode.permissive] as const, MtlsMode.strict);
  }
  return MtlsMode.disable;
}

/**
 * A policy for the service and port beats one for the service, that the namespace's, that the mesh's; the winner counts whole. A port
 * behind two services that disagree takes the stricter mode.
 *
 * @param ports of every service the workload stands behind
 */
export function resolveLegacyMtls(
  policies: readonly LegacyAuthnPolicy[],
  namespace: string,
  ports: readonly LegacyServicePort[],
): MergedMtls {
  const own = policies.filter((policy) => policy.namespace === namespace);
  const general = own.find(({ targets }) => targets.length === 0) ?? policies.find((policy) => policy.namespace === undefined);
  const mode = general?.mode ?? MtlsMode.disable;
  const decided = ports.map((port) => ({ targetPort: port.targetPort, policy: policyFor(own, port) ?? general }));
  const merged = new Map<number, MtlsMode>();
  for (const { targetPort, policy } of decided) {
    const wanted = policy?.mode ?? MtlsMode.disable;
    merged.set(targetPort, stricter(merged.get(targetPort), wanted));
  }
  const names = decided
    .map(({ policy }) => policy)
    .concat(general)
    .filter((policy) => policy !== undefined);
  return {
    mode,
    ports: new Map([...merged].filter(([, portMode]) => portMode !== mode)),
    decidedBy: [
      ...new Set(names.map(({ namespace: place, name }) => (place === undefined ? `MeshPolicy ${name}` : `Policy ${place}/${name}`))),
    ],
  };
}

function policyFor(policies: readonly LegacyAuthnPolicy[], port: LegacyServicePort): LegacyAuthnPolicy | undefined {
  const targeting = (isWanted: (ports: readonly (number | string)[]) => boolean) =>
    policies.find(({ targets }) => targets.some((target) => target.service === port.service && isWanted(target.ports)));
  return targeting((ports) => ports.includes(port.port) || ports.includes(port.portName)) ?? targeting((ports) => ports.length === 0);
}

const strictness: readonly MtlsMode[] = [MtlsMode.disable, MtlsMode.permissive, MtlsMode.strict];

function stricter(known: MtlsMode | undefined, other: MtlsMode): MtlsMode {
  return known === undefined || strictness.indexOf(other) > strictness.indexOf(known) ? other : known;
}
