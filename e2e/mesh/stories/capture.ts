/** What passes a pod's network interface, read by a debug container of that pod. */
import { spawn } from 'node:child_process';
import { eventually, type TestCluster } from '../../harness.ts';

/**
 * A packet socket (packet(7): AF_PACKET, SOCK_RAW, ETH_P_ALL). Frames of the loopback, where the proxy speaks plain text with its
 * application, carry no addresses and are left out. Perl is on every Debian.
 */
const reader = `socket(S,17,3,0x0300)or die"socket: $!";$|=1;print"listening\\n";
while(defined recv(S,$b,65535,0)){print $b if substr($b,0,12)ne"\\0"x12}`;

/** A record of application data, TLS 1.2 or 1.3 (RFC 8446 §5.1). */
export const tlsRecord = /\x17\x03\x03/;

export interface Capture {
  /** Bytes since the capture began or was cleared, as Latin-1 text. */
  seen(): string;
  clear(): void;
  stop(): void;
}

/** @param pod name; the capture sees both directions */
export async function capturePackets(cluster: TestCluster, namespace: string, pod: string): Promise<Capture> {
  const container = `capture-${Date.now().toString(36)}`;
  await cluster.kubectlOk(
    ...['debug', '-n', namespace, pod, '--image=debian', '--profile=netadmin', `--container=${container}`, '--quiet'],
    ...['--', 'sleep', '100000'],
  );
  await eventually(`${container} runs`, 30_000, async () => {
    const path = `jsonpath={.status.ephemeralContainerStatuses[?(@.name=="${container}")].state.running.startedAt}`;
    return (await cluster.kubectlOk('get', 'pod', '-n', namespace, pod, '-o', path)) !== '';
  });
  const child = spawn('kubectl', ['exec', '-n', namespace, pod, '-c', container, '--', 'perl', '-e', reader], {
    env: { ...process.env, KUBECONFIG: cluster.running.kubeconfig },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  let complaint = '';
  child.stdout.setEncoding('latin1').on('data', (part: string) => {
    text += part;
  });
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    complaint += part;
  });
  await eventually('the capture listens', 20_000, async () => text.startsWith('listening\n')).catch((error: Error) => {
    throw new Error(`${error.message}: ${complaint}`);
  });
  return {
    seen: () => text,
    clear() {
      text = '';
    },
    stop: () => child.kill(),
  };
}
