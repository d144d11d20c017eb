/** The parts of a core/v1 Volume that lead to a PersistentVolumeClaim. */
interface ClaimingVolume {
  readonly name: string;
  readonly persistentVolumeClaim?: { readonly claimName: string };
  readonly ephemeral?: object;
}

/** The claim behind a volume of the pod: the one it names or, of a generic ephemeral volume, the one made for it. */
export function claimNameOf(podName: string, { name, persistentVolumeClaim, ephemeral }: ClaimingVolume): string | undefined {
  return persistentVolumeClaim?.claimName ?? (ephemeral === undefined ? undefined : `${podName}-${name}`);
}
