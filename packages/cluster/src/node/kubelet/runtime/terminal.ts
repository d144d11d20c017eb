import { closeSync, constants, openSync } from 'node:fs';
import { isDevpts, openPeer, resizeTerminal } from './native.ts';

/** A pseudo-terminal: two descriptors. */
export interface Terminal {
  /** For whoever carries the bytes. */
  readonly master: number;
  /** For the program. */
  readonly slave: number;
  resize(columns: number, rows: number): void;
  closeMaster(): void;
}

const { O_DIRECTORY, O_NOCTTY, O_NOFOLLOW, O_RDWR } = constants;

/**
 * A pseudo-terminal of the devpts instance at `folder` (the machine's, or a container's as proc(5) shows it, so that tty(1) inside knows it).
 *
 * A pod may have mounted a volume of its own there: nothing but devpts is opened any further, and the program's side comes from the kernel, not by a name.
 *
 * @throws Error when `folder` is no devpts
 */
export function openTerminal(folder: string): Terminal {
  const place = openSync(folder, O_DIRECTORY | O_NOFOLLOW);
  let master: number;
  try {
    if (!isDevpts(place)) throw new Error(`no terminal can be made: ${folder} is not the kernel's folder of terminals`);
    master = openSync(`/proc/self/fd/${place}/ptmx`, O_RDWR | O_NOCTTY);
  } finally {
    closeSync(place);
  }
  let isOpen = true;
  const closeMaster = () => {
    if (isOpen) closeSync(master);
    isOpen = false;
  };
  try {
    return {
      master,
      slave: openPeer(master),
      resize: (columns, rows) => {
        if (isOpen) resizeTerminal(master, columns, rows);
      },
      closeMaster,
    };
  } catch (error) {
    closeMaster();
    throw error;
  }
}
