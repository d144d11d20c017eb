import { type ExecTarget, execInContainer } from './exec.ts';

/** Bytes of output that a probe's message may quote. */
const MAX_OUTPUT = 10 * 1024;

/** Runs a program in a container without input, for exec probes and hooks. Killed at the timeout. */
export async function runToEnd(
  target: ExecTarget,
  command: readonly string[],
  timeoutMs: number,
): Promise<{ exitCode: number; output: string; hasTimedOut: boolean }> {
  const session = await execInContainer(target, { command, hasStdin: false, hasTty: false });
  let output = '';
  for (const stream of [session.stdout, session.stderr!]) {
    stream.on('data', (chunk: Buffer) => {
      if (output.length < MAX_OUTPUT) output += chunk.toString('utf8');
    });
  }
  let hasTimedOut = false;
  const timer = setTimeout(() => {
    hasTimedOut = true;
    session.kill();
  }, timeoutMs);
  try {
    const { exitCode } = await session.exit;
    return { exitCode, output, hasTimedOut };
  } finally {
    clearTimeout(timer);
  }
}
