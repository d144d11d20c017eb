import { homedir } from 'node:os';

/** The cluster that is meant when no name is given. */
export const defaultCluster = 'palisade';

/** The calling user's home, also under sudo (the launcher in bin/ finds it out). */
export function userHome(): string {
  return process.env['PALISADE_HOME'] ?? homedir();
}
