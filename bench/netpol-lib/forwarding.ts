/** What two nodes forward from pod to pod, with 1,000 policies in force and without any. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Measurement } from '../bench.ts';

/** @returns why it cannot be measured here */
export async function measureForwarding(): Promise<Measurement[] | string> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs Linux and root';
  const script = 'mount --make-rprivate / && mount -t tmpfs palisade-bench /run && mkdir -p /run/netns && "$@"; exit $?';
  const unshare = ['unshare', '--pid', '--mount', '--uts', '--ipc', '--fork', '--kill-child', '--mount-proc'];
  const worker = fileURLToPath(new URL('./forwarding.worker.ts', import.meta.url));
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...unshare, 'sh', '-c', script, 'sh', process.execPath, worker], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve).on('error', () => resolve(null)));
  return code === 0 ? (JSON.parse(output) as Measurement[]) : `it ended with ${code}: ${errors.slice(-500)}`;
}
