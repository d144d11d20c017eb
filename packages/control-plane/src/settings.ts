/** MeshConfig: ConfigMap `istio`, key `mesh`, as far as it changes what is compiled. Istio’s other fields are passed over: real ones carry many. */
import { networks as blocks } from '@palisade/identity';
import { defaultSettings, type MeshSettings } from '@palisade/mesh/traffic';
import { parse } from 'yaml';

export interface ControlPlaneSettings extends MeshSettings {
  /** Inner networks that key sets may be fetched from; public addresses always may. */
  readonly jwksNetworks: readonly string[];
  /** Of pods that say nothing, in namespaces that say nothing. */
  readonly interception: 'redirect' | 'inline';
  /** How long a new root is only distributed before it signs: kubelets take up to two minutes to bring a ConfigMap into a pod. */
  readonly caDistributionMs: number;
}

export class MeshConfigError extends Error {
  override readonly name = 'MeshConfigError';
}

/** What is ours in MeshConfig stands under `palisade`, where no field of Istio's will ever be. */
const ownFields = ['profile', 'jwksNetworks', 'interception', 'caDistribution'] as const;

/** @throws MeshConfigError naming the field; the caller keeps the settings it had */
export function readSettings(text: string | undefined, rootNamespace: string): ControlPlaneSettings {
  const fields = mapping(text === undefined ? {} : parse(text), 'mesh');
  const { normalization } = mapping(fields['pathNormalization'], 'mesh.pathNormalization');
  const own = readOwn(mapping(fields['palisade'], 'mesh.palisade'));
  const profile = choice(own.profile, 'palisade.profile', ['current', 'legacy']) ?? defaultSettings.profile;
  return {
    ...defaultSettings,
    profile,
    interception: choice(own.interception, 'palisade.interception', ['redirect', 'inline']) ?? 'redirect',
    caDistributionMs: seconds(own.caDistribution, 'palisade.caDistribution') ?? 120_000,
    jwksNetworks: networks(words(own.jwksNetworks, 'palisade.jwksNetworks')),
    rootNamespace: word(fields['rootNamespace'], 'rootNamespace') ?? rootNamespace,
    trustDomains: {
      local: word(fields['trustDomain'], 'trustDomain') ?? defaultSettings.trustDomains.local,
      aliases: words(fields['trustDomainAliases'], 'trustDomainAliases'),
    },
    isAutoMtls: flag(fields['enableAutoMtls'], 'enableAutoMtls') ?? profile === 'current',
    outbound:
      choice(mapping(fields['outboundTrafficPolicy'], 'mesh.outboundTrafficPolicy')['mode'], 'outboundTrafficPolicy.mode', [
        'ALLOW_ANY',
        'REGISTRY_ONLY',
      ]) ?? defaultSettings.outbound,
    pathNormalization:
      choice(normalization === 'DEFAULT' ? 'BASE' : normalization, 'pathNormalization.normalization', [
        'NONE',
        'BASE',
        'MERGE_SLASHES',
        'DECODE_AND_MERGE_SLASHES',
      ]) ?? defaultSettings.pathNormalization,
  };
}

function mapping(value: unknown, field: string): Readonly<Record<string, unknown>> {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new MeshConfigError(`${field}: expected a mapping`);
  return value as Readonly<Record<string, unknown>>;
}

function readOwn(fields: Readonly<Record<string, unknown>>): Partial<Record<(typeof ownFields)[number], unknown>> {
  const unknown = Object.keys(fields).find((name) => !ownFields.some((own) => own === name));
  if (unknown !== undefined) throw new MeshConfigError(`mesh.palisade.${unknown}: unknown field; known here: ${ownFields.join(', ')}`);
  return fields;
}

function word(value: unknown, field: string): string | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string') throw new MeshConfigError(`mesh.${field}: found ${JSON.stringify(value)}, expected a text`);
  return value;
}

function words(value: unknown, field: string): string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new MeshConfigError(`mesh.${field}: found ${JSON.stringify(value)}, expected a list`);
  return value.map((item, index) => word(item, `${field}[${index}]`) ?? '').filter((item) => item !== '');
}

/** `90s`, in milliseconds. */
function seconds(value: unknown, field: string): number | undefined {
  const text = word(value, field);
  if (text === undefined) return undefined;
  const match = /^(\d{1,6})s$/.exec(text);
  if (match === null) throw new MeshConfigError(`mesh.${field}: found "${text}", expected seconds such as 120s`);
  return Number(match[1]) * 1000;
}

function networks(cidrs: readonly string[]): readonly string[] {
  try {
    blocks(cidrs);
  } catch (error) {
    throw new MeshConfigError(`mesh.palisade.jwksNetworks: ${(error as Error).message}`);
  }
  return cidrs;
}

function flag(value: unknown, field: string): boolean | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'boolean') throw new MeshConfigError(`mesh.${field}: found ${JSON.stringify(value)}, expected true or false`);
  return value;
}

function choice<T extends string>(value: unknown, field: string, choices: readonly T[]): T | undefined {
  if (value === undefined || value === null) return undefined;
  const found = choices.find((each) => each === value);
  if (found === undefined) throw new MeshConfigError(`mesh.${field}: found ${JSON.stringify(value)}, expected ${choices.join(', ')}`);
  return found;
}
