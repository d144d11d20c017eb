import { type ProcessCredentials, renderSetpriv } from './security.ts';

export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What a container's programs run as and see. */
export interface ProcessSetting {
  readonly credentials: ProcessCredentials;
  readonly env: Readonly<Record<string, string>>;
  /** Entered after privileges are given up, so that it must be reachable for the container's own user. */
  readonly workingDir: string;
  /** The program leads a session of its own, with its standard input as terminal. */
  readonly hasTerminal: boolean;
}

/** A command line, and the script that it reads from a descriptor before the program begins. */
export interface RenderedProcess {
  readonly words: readonly string[];
  readonly script: string;
}

/** Names a shell cannot export, or gives a meaning of its own. */
const SHELL_NAME = /^(?!(?:IFS|LINENO|OPTIND|OPTARG|PPID|PWD|OLDPWD|PS[124]|_)$)[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * How `command` runs inside a container: give up privileges first, then set exactly `env`, then become the command, found on the PATH
 * of `env`. Variables come through a descriptor: command lines can be read by everybody on the machine, and variables hold secrets.
 *
 * @param scriptFd descriptor of a file with the script, readable for the container's user
 */
export function renderProcess(setting: ProcessSetting, command: readonly string[], scriptFd: number): RenderedProcess {
  const { credentials, env, workingDir, hasTerminal } = setting;
  const session = hasTerminal ? ['/usr/bin/setsid', '--ctty', '--wait'] : [];
  const exported = Object.entries(env).filter(([name]) => SHELL_NAME.test(name));
  const others = Object.entries(env).filter(([name]) => !SHELL_NAME.test(name));
  return {
    words: [
      ...renderSetpriv(credentials),
      ...session,
      ...['/usr/bin/env', '-i', '/usr/bin/sh', '-c', `. /proc/self/fd/${scriptFd}`, 'sh'],
      ...command,
    ],
    script: [
      `exec ${scriptFd}<&-`,
      `cd ${quote(workingDir)} || exit 126`,
      // The shell exports both of its own accord.
      'unset PWD OLDPWD',
      ...exported.map(([name, value]) => `export ${name}=${quote(value)}`),
      others.length === 0 ? 'exec "$@"' : `exec /usr/bin/env -- ${others.map(([name, value]) => quote(`${name}=${value}`)).join(' ')} "$@"`,
      '',
    ].join('\n'),
  };
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** What it looks like when the shell could not start the program: 127 not found, 126 not executable, and its own message. */
export function startFailure(exitCode: number, lastError: string, program: string): string | undefined {
  if (exitCode !== 126 && exitCode !== 127) return undefined;
  const line = lastError.trim().split('\n').at(-1) ?? '';
  const prefix = 'failed to create containerd task: failed to create shim task: unable to start container process';
  const cd = /\bcd: (.+)$/.exec(line);
  if (exitCode === 126 && cd !== null) return `${prefix}: working directory: ${cd[1]}`;
  const match = /(?:\bexec: |^\S*env: [‘']?)(.+?)[’']?: (?:not found|Permission denied|No such file or directory|.*cannot execute.*)$/.exec(
    line,
  );
  if (match?.[1] !== program) return undefined;
  const why =
    exitCode === 126 ? 'permission denied' : program.includes('/') ? 'no such file or directory' : 'executable file not found in $PATH';
  return `${prefix}: ${program.includes('/') ? `stat ${program}` : `exec: "${program}"`}: ${why}`;
}
