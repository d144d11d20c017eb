import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { UploadStore } from '../engine/resources.ts';

/**
 * Uploaded files on this machine, each in a folder of its own with a name that cannot be guessed: below SecUploadDir, or
 * the system's folder for temporary files. Only this user can read them unless SecUploadFileMode says otherwise.
 */
export const diskUploads: UploadStore = {
  save(content, { folder, mode }) {
    const path = join(mkdtempSync(join(folder ?? tmpdir(), 'waf-upload-')), 'file');
    writeFileSync(path, content, { encoding: 'latin1', flag: 'wx', mode: mode ?? 0o600 });
    return path;
  },
  remove: (path) => rmSync(dirname(path), { recursive: true, force: true }),
};
