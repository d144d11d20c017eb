/** MeshConfig: ConfigMap `istio`, key `mesh`, as far as it changes what is compiled. Unknown fields are named, not refused: real ones carry many. */
import { defaultSettings, type MeshSettings } from '@palisade/mesh/traffic';
import { parse } from 'yaml';

export class MeshConfigError extends Error {
  override readonly name = 'MeshConfigError';
}

/** @throws MeshConfigError naming the field; the caller keeps the settings it had */
export function readSettings(text: string | undefined, rootNamespace: string): MeshSettings {
  const config: unknown = text === undefined ? {} : (parse(text) ?? {});
  if (typeof config !== 'object' || config === null || Array.isArray(config)) throw new MeshConfigError('mesh: expected a mapping');
  const fields = config as Readonly<Record<string, unknown>>;
  const normalization = (fields['pathNormalization'] as { normalization?: unknown } | undefined)?.normalization;
  return {
    ...defaultSettings,
    rootNamespace: word(fields['rootNamespace'], 'rootNamespace') ?? rootNamespace,
    trustDomains: {
      local: word(fields['trustDomain'], 'trustDomain') ?? defaultSettings.trustDomains.local,
      aliases: words(fields['trustDomainAliases'], 'trustDomainAliases'),
    },
    isAutoMtls: flag(fields['enableAutoMtls'], 'enableAutoMtls') ?? defaultSettings.isAutoMtls,
    outbound:
      choice((fields['outboundTrafficPolicy'] as { mode?: unknown } | undefined)?.mode, 'outboundTrafficPolicy.mode', [
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
