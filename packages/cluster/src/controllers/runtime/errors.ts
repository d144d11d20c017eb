import { isStatusError } from '@palisade/kubernetes';

/** The namespace is going away and takes nothing new: nothing to tell, nothing to try again. */
export function isNamespaceEnding(error: unknown): boolean {
  return (
    isStatusError(error, 'Forbidden') && (error.status.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating') ?? false)
  );
}

/** For deletions and patches of what may be gone already. */
export async function ignoreMissing(write: Promise<unknown>): Promise<void> {
  try {
    await write;
  } catch (error) {
    if (!isStatusError(error, 'NotFound')) throw error;
  }
}
