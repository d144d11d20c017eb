import type { UploadedFile } from '../body/multipart.ts';
import { Target } from '../variables/target.ts';
import type { TransactionState } from './state.ts';

/**
 * Put a form's files where SecUploadDir says, and list them in FILES_TMPNAMES. More than SecUploadFileLimit are not written.
 *
 * @returns why one could not be written (a full disk); those before it are listed
 */
export function saveUploads(state: TransactionState, files: readonly UploadedFile[]): string | undefined {
  const { savesUploads, uploadDir, uploadFileMode, uploadFileLimit } = state.ruleSet.settings;
  const { uploads } = state;
  if (!savesUploads || !uploads) return undefined;
  const saved: Target[] = [];
  state.setList('FILES_TMPNAMES', saved);
  try {
    for (const { name, content } of files.slice(0, uploadFileLimit))
      saved.push(new Target(name, uploads.save(content, { folder: uploadDir, mode: uploadFileMode })));
  } catch (error) {
    return `Cannot save an uploaded file: ${(error as Error).message}`;
  }
  return undefined;
}

/** After the last phase: remove what SecUploadKeepFiles does not keep. */
export function dropUploads(state: TransactionState, isLogged: boolean): void {
  const { uploadKeepFiles } = state.ruleSet.settings;
  if (uploadKeepFiles === 'On' || (uploadKeepFiles === 'RelevantOnly' && isLogged)) return;
  for (const { value } of state.lists.get('FILES_TMPNAMES') ?? []) state.uploads?.remove(value);
}
