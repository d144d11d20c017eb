import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';

/** For tests only: runs a test file as the supervisor runs, in process and mount namespaces of its own, with a private /run/netns. */
const MARK = 'PALISADE_TEST_ISOLATED';
const TOOLS = ['ip', 'nft', 'unshare', 'setpriv', 'conntrack'];

function missing(): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux: sudo npm test there';
  if (process.getuid?.() !== 0) return 'needs root: sudo npm test';
  const absent = TOOLS.filter((tool) => !onPath(tool));
  return absent.length > 0 ? `needs ${absent.join(', ')} on PATH: npm run setup` : undefined;
}

function searchPath(): string {
  const cache = process.env['PALISADE_CACHE'] ?? join(homedir(), '.cache/palisade');
  return [process.env['PATH'] ?? '', join(cache, 'tools/bin'), '/usr/sbin', '/sbin'].join(delimiter);
}

function onPath(tool: string): boolean {
  return searchPath()
    .split(delimiter)
    .some((folder) => {
      try {
        accessSync(join(folder, tool), constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Names of this project that must never be seen on the host, whatever happens inside. */
function tracesOnHost(): string[] {
  const namespaces = existsSync('/run/netns') ? readdirSync('/run/netns') : [];
  const links = [...readFileSync('/proc/net/dev', 'utf8').matchAll(/^\s*(\S+):/gm)].map((match) => match[1]!);
  return [
    ...namespaces.filter((name) => /^(fabric$|outside$|node-|pod-)/.test(name)),
    ...links.filter((name) => /^(v[0-9a-f]{12}|n\d+|out0|up0)$/.test(name)),
  ];
}

/**
 * Call with the test file's name and its tests. In the first process it registers one test that runs the file again, isolated;
 * in the second it registers the tests themselves. Everything made inside dies with the second process.
 */
export function isolated(file: string, tests: () => void): void {
  if (process.env[MARK] === '1') {
    tests();
    return;
  }
  const reason = missing();
  test(`${file.split('/').at(-1)}: in namespaces of its own`, { skip: reason ?? false, timeout: 60_000 }, async (context) => {
    const script = 'mount --make-rprivate / && mkdir -p /run/netns && mount -t tmpfs palisade-test /run/netns && "$@"; exit $?';
    const unshare = ['unshare', '--pid', '--mount', '--uts', '--ipc', '--fork', '--kill-child', '--mount-proc'];
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const args = [
      '--pdeathsig',
      'KILL',
      ...unshare,
      'sh',
      '-c',
      script,
      'sh',
      process.execPath,
      '--test-reporter=tap',
      '--test-timeout=20000',
      file,
    ];
    const child = spawn('setpriv', args, {
      env: { ...env, [MARK]: '1', PATH: searchPath() },
      stdio: ['ignore', 'pipe', 'pipe'],
      signal: context.signal,
      killSignal: 'SIGKILL',
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    const exitCode = await new Promise<number | null>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', resolve);
    });
    const traces = tracesOnHost();
    if (traces.length > 0) throw new Error(`left on the host: ${traces.join(', ')}\n${output}`);
    if (exitCode !== 0) throw new Error(`isolated run ended with ${exitCode}:\n${output}`);
    if (!/^# pass [1-9]/m.test(output)) throw new Error(`isolated run passed no test:\n${output}`);
    if (process.env['PALISADE_TEST_VERBOSE']) process.stdout.write(output);
  });
}
