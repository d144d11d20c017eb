import { claimNameOf, parseQuantity } from '@palisade/kubernetes';
import type { ConfigSource, VolumeSource } from '../env/environment.ts';
import { type PodFacts, readField, readResource } from '../env/fields.ts';
import type { DownwardFile, KeyToPath, Pod, Volume } from '../pod-types.ts';
import { planClaim } from './claim.ts';
import { VolumeError } from './volume-error.ts';
import type { PlannedFile, VolumePlan } from './volume-plan.ts';

const DEFAULT_FILE_MODE = 0o644;
/** Kubernetes' default lifetime of a projected token. */
const DEFAULT_TOKEN_SECONDS = 3600;
const SUPPORTED = ['emptyDir', 'configMap', 'secret', 'projected', 'downwardAPI', 'hostPath', 'persistentVolumeClaim', 'ephemeral'];

/** @throws VolumeError when an object is missing or the kind of volume is not offered here */
export function planVolumes(pod: Pod, facts: PodFacts, config: VolumeSource): VolumePlan[] {
  return (pod.spec.volumes ?? []).map((volume) => planVolume(pod, volume, facts, config));
}

function planVolume(pod: Pod, volume: Volume, facts: PodFacts, config: VolumeSource): VolumePlan {
  const { name, emptyDir, configMap, secret, projected, downwardAPI, hostPath } = volume;
  if (emptyDir) {
    const sizeBytes = emptyDir.sizeLimit === undefined ? undefined : parseQuantity(emptyDir.sizeLimit);
    return { kind: 'scratch', name, isMemory: emptyDir.medium === 'Memory', sizeBytes: sizeBytes === 0 ? undefined : sizeBytes };
  }
  if (configMap) return files(name, filesOfConfigMap(name, config, configMap, configMap.defaultMode));
  if (secret) {
    const source = { ...secret, ...(secret.secretName === undefined ? {} : { name: secret.secretName }) };
    return files(name, filesOfSecret(name, config, source, secret.defaultMode));
  }
  if (downwardAPI) return files(name, filesOfPod(name, facts, downwardAPI.items, downwardAPI.defaultMode));
  if (projected) {
    const mode = projected.defaultMode;
    const sources = projected.sources ?? [];
    const made = sources.flatMap((source) => [
      ...(source.configMap ? filesOfConfigMap(name, config, source.configMap, mode) : []),
      ...(source.secret ? filesOfSecret(name, config, source.secret, mode) : []),
      ...(source.downwardAPI ? filesOfPod(name, facts, source.downwardAPI.items, mode) : []),
    ]);
    const tokens = sources.flatMap(({ serviceAccountToken: token }) =>
      token === undefined
        ? []
        : [
            {
              path: checkedPath(name, token.path),
              audience: token.audience || undefined,
              expirationSeconds: token.expirationSeconds ?? DEFAULT_TOKEN_SECONDS,
              mode: mode ?? DEFAULT_FILE_MODE,
            },
          ],
    );
    return { ...files(name, made), tokens };
  }
  if (hostPath) return { kind: 'host', name, path: hostPath.path, type: hostPath.type ?? '' };
  const claimName = claimNameOf(String(pod.metadata.name), volume);
  if (claimName !== undefined) return planClaim(pod, volume, claimName, config);
  const kind = Object.keys(volume).find((key) => key !== 'name') ?? 'nothing';
  throw new VolumeError(
    name,
    `MountVolume.SetUp failed for volume "${name}" : volumes of kind ${kind} are not offered by the embedded cluster, use one of ${SUPPORTED.join(', ')}`,
  );
}

function files(name: string, made: readonly PlannedFile[]): Extract<VolumePlan, { kind: 'files' }> {
  return { kind: 'files', name, files: made, tokens: [] };
}

interface ObjectSource {
  name?: string;
  items?: KeyToPath[];
  optional?: boolean;
}

function filesOfConfigMap(volume: string, config: ConfigSource, source: ObjectSource, mode: number | undefined): PlannedFile[] {
  const map = config.configMap(source.name ?? '');
  if (map === undefined) return absent(volume, 'configmap', source);
  const data = new Map<string, Buffer>();
  for (const [key, text] of Object.entries(map.data ?? {})) data.set(key, Buffer.from(text));
  for (const [key, base64] of Object.entries(map.binaryData ?? {})) data.set(key, Buffer.from(base64, 'base64'));
  return pick(volume, `configmap "${source.name}"`, data, source, mode);
}

function filesOfSecret(volume: string, config: ConfigSource, source: ObjectSource, mode: number | undefined): PlannedFile[] {
  const secret = config.secret(source.name ?? '');
  if (secret === undefined) return absent(volume, 'secret', source);
  const data = new Map(Object.entries(secret.data ?? {}).map(([key, base64]) => [key, Buffer.from(base64, 'base64')]));
  return pick(volume, `secret "${source.name}"`, data, source, mode);
}

function absent(volume: string, kind: string, source: ObjectSource): PlannedFile[] {
  if (source.optional) return [];
  throw new VolumeError(volume, `MountVolume.SetUp failed for volume "${volume}" : ${kind} "${source.name ?? ''}" not found`);
}

/** Without `items` every key is a file of its own name. */
function pick(
  volume: string,
  what: string,
  data: ReadonlyMap<string, Buffer>,
  source: ObjectSource,
  mode: number | undefined,
): PlannedFile[] {
  const defaultMode = mode ?? DEFAULT_FILE_MODE;
  if (!source.items?.length) return [...data].map(([path, content]) => ({ path, content, mode: defaultMode }));
  return source.items.flatMap((item) => {
    const content = data.get(item.key);
    if (content === undefined) {
      if (source.optional) return [];
      throw new VolumeError(
        volume,
        `MountVolume.SetUp failed for volume "${volume}" : ${what} references non-existent config key: ${item.key}`,
      );
    }
    return [{ path: checkedPath(volume, item.path), content, mode: item.mode ?? defaultMode }];
  });
}

function filesOfPod(volume: string, facts: PodFacts, items: readonly DownwardFile[] = [], mode: number | undefined): PlannedFile[] {
  return items.map((item) => {
    const text = item.fieldRef
      ? readField(facts, item.fieldRef.fieldPath)
      : item.resourceFieldRef
        ? readResource(facts, undefined, item.resourceFieldRef)
        : '';
    return { path: checkedPath(volume, item.path), content: Buffer.from(text), mode: item.mode ?? mode ?? DEFAULT_FILE_MODE };
  });
}

/** The API server refuses such paths; a second look costs nothing where a mistake would write anywhere on the machine. */
function checkedPath(volume: string, path: string): string {
  if (path === '' || path.startsWith('/') || path.split('/').some((part) => part === '..') || path.startsWith('..')) {
    throw new VolumeError(
      volume,
      `MountVolume.SetUp failed for volume "${volume}" : path "${path}" must be relative and must not contain ".."`,
    );
  }
  return path;
}
