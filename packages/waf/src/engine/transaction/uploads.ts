import type { UploadedFile } from '../body/multipart.ts';
import { Target } from '../variables/target.ts';
import type { TransactionState } from './state.ts';

/** Put a form's files where SecUploadDir says, and list them in FILES_TMPNAMES. More than SecUploadFileLimit are not written. */
export function saveUploads(state: TransactionState, files: readonly UploadedFile[]): void {
  const { savesUploads, uploadDir, uploadFileMode, uploadFileLimit } = state.ruleSet.settings;
  const { uploads } = state;
  if (!savesUploads || !uploads) return;
  const saved = files
    .slice(0, uploadFileLimit)
    .map((file) => new Target(file.name, uploads.save(file.content, { folder: uploadDir, mode: uploadFileMode })));
  state.setList('FILES_TMPNAMES', saved);
}

/** After the last phase: remove what SecUploadKeepFiles does not keep. */
export function dropUploads(state: TransactionState, isLogged: boolean): void {
  const { uploadKeepFiles } = state.ruleSet.settings;
  if (uploadKeepFiles === 'On' || (uploadKeepFiles === 'RelevantOnly' && isLogged)) return;
  for (const { value } of state.lists.get('FILES_TMPNAMES') ?? []) state.uploads?.remove(value);
}
