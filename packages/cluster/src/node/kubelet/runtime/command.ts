import { type ProcessCredentials, renderSetpriv } from './security.ts';

export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What a container's programs run as and see. */
export interface ProcessSetting {
  readonly credentials: ProcessCredentials;
  readonly env: Readonly<Record<string, string>>;
  /** Entered after privileges are given up, so that it must be reachable for the container's own user. */
  readonly workingDir: string;
}

/**
 * The words that run `command` inside a container: give up privileges, then set exactly `env`, then become the command, found
 * on the PATH of `env`.
 */
export function renderProcess(setting: ProcessSetting, command: readonly string[]): string[] {
  const { credentials, env, workingDir } = setting;
  const assignments = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  // env(1) would take a program whose name holds `=` for one more assignment.
  const program = command[0]?.includes('=') ? ['/bin/sh', '-c', 'exec "$@"', 'sh', ...command] : command;
  return [...renderSetpriv(credentials), '/usr/bin/env', '-i', `--chdir=${workingDir}`, '--', ...assignments, ...program];
}

/** What a program that env(1) could not start looks like: 127 not found, 126 not executable, and its own message. */
export function startFailure(exitCode: number, lastError: string, program: string): string | undefined {
  if (exitCode !== 126 && exitCode !== 127) return undefined;
  const match = /^(?:\/usr\/bin\/)?env: (?:‘|'|")?(.*?)(?:’|'|")?: (.+)$/.exec(lastError.trim());
  if (match?.[1] !== program) return undefined;
  const why =
    exitCode === 126 ? 'permission denied' : program.includes('/') ? 'no such file or directory' : 'executable file not found in $PATH';
  const where = program.includes('/') ? `stat ${program}` : `exec: "${program}"`;
  return `failed to create containerd task: failed to create shim task: unable to start container process: ${where}: ${why}`;
}
