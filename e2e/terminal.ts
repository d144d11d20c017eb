/** A program in a terminal (util-linux `script`), for stories in which somebody types. */
import { spawn } from 'node:child_process';

export interface TerminalSession {
  /** Everything it has shown. */
  seen(): string;
  type(text: string): void;
  /**
   * Types, then waits for something new that looks like `expected`; rejects with what was shown after 20 s.
   *
   * @param mayRepeat typed again every second: the first time may come before anybody reads
   */
  until(expected: RegExp, typed: string, mayRepeat?: boolean): Promise<void>;
  /** Its exit code. */
  readonly exit: Promise<number>;
  end(): void;
}

const LIMIT_MS = 20_000;
const RETYPE_MS = 1_000;

export function startInTerminal(command: string, args: readonly string[], env: NodeJS.ProcessEnv): TerminalSession {
  const line = [command, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  const child = spawn('script', ['--quiet', '--return', '--command', line, '/dev/null'], { env, stdio: ['pipe', 'pipe', 'pipe'] });
  let text = '';
  let isOver = false;
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  child.stdin.on('error', () => {});
  const exit = new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      isOver = true;
      resolve(code ?? 1);
    });
  });
  return {
    seen: () => text,
    type: (typed) => void child.stdin.write(typed),
    async until(expected, typed, mayRepeat = false) {
      const from = text.length;
      let typedMs = Date.now();
      const deadline = typedMs + LIMIT_MS;
      child.stdin.write(typed);
      while (!expected.test(text.slice(from))) {
        if (isOver || Date.now() > deadline)
          throw new Error(`typed ${JSON.stringify(typed)}, expected ${expected}, saw ${JSON.stringify(text)}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
        if (mayRepeat && Date.now() > typedMs + RETYPE_MS) {
          typedMs = Date.now();
          child.stdin.write(typed);
        }
      }
    },
    exit,
    end() {
      if (!isOver) child.kill('SIGKILL');
    },
  };
}
