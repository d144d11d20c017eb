import { closeSync, fchownSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';

let count = 0;

/**
 * A descriptor of a file that has no name any more and holds `text`, readable for one user alone. It can be opened again through
 * /proc/self/fd, as shells do.
 *
 * @param folder on a tmpfs: the text may hold secrets
 */
export function openScript(folder: string, text: string, uid: number): number {
  const path = join(folder, `script-${process.pid}-${++count}`);
  const writer = openSync(path, 'wx', 0o400);
  try {
    writeSync(writer, text);
    fchownSync(writer, uid, 0);
    return openSync(path, 'r');
  } finally {
    closeSync(writer);
    unlinkSync(path);
  }
}
