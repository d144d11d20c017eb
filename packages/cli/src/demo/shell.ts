import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

export interface CommandResult {
  readonly command: string;
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs programs of the story; what is shown to the reader is exactly what ran. */
export interface Shell {
  /** Shown with its output. */
  show(...args: string[]): Promise<CommandResult>;
  /** Runs without showing (measurements). */
  run(...args: string[]): Promise<CommandResult>;
  readonly transcript: readonly CommandResult[];
}

export function createShell(env: NodeJS.ProcessEnv, cwd: string, print: (line: string) => void): Shell {
  const transcript: CommandResult[] = [];
  return {
    transcript,
    run: (...args) => execute(args, env, cwd),
    async show(...args) {
      print(`  $ ${args.map(quote).join(' ')}`);
      const result = await execute(args, env, cwd);
      transcript.push(result);
      const lines = `${result.stdout}${result.stderr}`.trimEnd().split('\n');
      // "rollout status" says the same again and again.
      for (const [index, line] of lines.entries()) if (line !== '' && line !== lines[index - 1]) print(`    ${shorten(line)}`);
      if (result.code !== 0) print(`    (exit code ${result.code})`);
      return result;
    },
  };
}

async function execute(args: readonly string[], env: NodeJS.ProcessEnv, cwd: string): Promise<CommandResult> {
  const child = spawn(args[0]!, args.slice(1), { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const [[code], stdout, stderr] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)]);
  return { command: args.map(quote).join(' '), code: code ?? 1, stdout, stderr };
}

const quote = (word: string) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/** The simulator answers with kilobytes of padding; a reader needs the two ends. */
const shorten = (line: string) => (line.length <= 200 ? line : `${line.slice(0, 30)} <snip> ${line.slice(-60)}`);
