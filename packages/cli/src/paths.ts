import { homedir } from 'node:os';

/** The calling user's home, also under sudo (the launcher in bin/ finds it out). */
export function userHome(): string {
  return process.env['PALISADE_HOME'] ?? homedir();
}
