export interface PlannedFile {
  /** Below the volume's root; may hold `/`. */
  readonly path: string;
  readonly content: Buffer;
  readonly mode: number;
}

export interface PlannedToken {
  readonly path: string;
  readonly audience: string | undefined;
  readonly expirationSeconds: number;
  readonly mode: number;
}

/** What stands behind one volume of a pod. */
export type VolumePlan =
  | { readonly kind: 'scratch'; readonly name: string; readonly isMemory: boolean; readonly sizeBytes: number | undefined }
  | { readonly kind: 'files'; readonly name: string; readonly files: readonly PlannedFile[]; readonly tokens: readonly PlannedToken[] }
  | { readonly kind: 'host'; readonly name: string; readonly path: string; readonly type: string }
  | { readonly kind: 'local'; readonly name: string; readonly path: string };
