/** The wire object of a PeerAuthentication into its checked form. */
import type { KubernetesObject } from '@palisade/kubernetes';
import { MtlsMode, type PeerAuthentication } from '../authn/peer-authentication.ts';
import { readChoice, readFields, readMap, readSelector, refuse } from './read.ts';

const modes = [...Object.values(MtlsMode), 'UNSET'] as const;

/** Refuses the whole object with MeshError when anything in it does not fit. */
export function parsePeerAuthentication(object: KubernetesObject): PeerAuthentication {
  const { name = '', namespace = 'default', creationTimestamp } = object.metadata;
  const spec = readFields(object['spec'], 'spec', ['selector', 'mtls', 'portLevelMtls']) ?? {};
  const selector = readSelector(spec['selector'], 'spec.selector');
  const mode = readMode(spec['mtls'], 'spec.mtls');
  const ports = readMap(spec['portLevelMtls'], 'spec.portLevelMtls');
  if (ports.length > 0 && Object.keys(selector ?? {}).length === 0)
    refuse('spec.portLevelMtls', 'acts only on a workload: it needs spec.selector');
  if (ports.length === 0 && spec['portLevelMtls'] !== undefined && spec['portLevelMtls'] !== null)
    refuse('spec.portLevelMtls', 'an empty one says nothing: leave it out');
  return {
    namespace,
    name,
    createdSeconds: creationTimestamp ? Date.parse(creationTimestamp) / 1000 : 0,
    ...(selector === undefined ? {} : { selector }),
    ...(mode === undefined ? {} : { mode }),
    ports: new Map(ports.map(([port, value]) => [readPort(port), readMode(value, `spec.portLevelMtls[${port}]`)])),
  };
}

function readMode(value: unknown, field: string): MtlsMode | undefined {
  const mtls = readFields(value, field, ['mode']);
  const mode = readChoice(mtls?.['mode'], `${field}.mode`, modes, 'UNSET');
  return mode === 'UNSET' ? undefined : mode;
}

function readPort(text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text) && Number(text) <= 65_535) return Number(text);
  return refuse(`spec.portLevelMtls[${text}]`, 'expected a port, 1 to 65535');
}
