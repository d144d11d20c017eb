/** Istio's path normalisation table: the path the application sees behind two sidecars, sent as bytes through two real hops. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { DataPlane, parseBootstrap, staticResources } from '@palisade/proxy';
import { plainHop } from '@palisade/proxy/testing';
import type { CaseResult, Suite } from './suite.ts';

interface Group {
  readonly name: string;
  readonly normalization: string;
  readonly cases: readonly { readonly in: string; readonly out: string }[];
}

/** What Istio's modes mean for Envoy's connection manager. */
const modes: Readonly<Record<string, Record<string, unknown>>> = {
  NONE: { normalize_path: false, merge_slashes: false },
  BASE: { normalize_path: true, merge_slashes: false },
  MERGE_SLASHES: { normalize_path: true, merge_slashes: true },
  DECODE_AND_MERGE_SLASHES: { normalize_path: true, merge_slashes: true, path_with_escaped_slashes_action: 'UNESCAPE_AND_FORWARD' },
};

async function startHop(upstreamPort: number, mode: Record<string, unknown>): Promise<DataPlane> {
  const plane = new DataPlane();
  const config = plainHop({ listenPort: 0, adminPort: 0, upstreamPort, logPath: '', statPrefix: 'hop' }, [], mode);
  await plane.apply(staticResources(parseBootstrap(JSON.stringify(config), 'normalization')));
  return plane;
}

async function* judgeGroup(group: Group, applicationPort: number): AsyncGenerator<CaseResult> {
  const mode = modes[group.normalization];
  if (mode === undefined) throw new Error(`normalization/cases.json: unknown mode "${group.normalization}"`);
  const server = await startHop(applicationPort, mode);
  const client = await startHop(server.addressOf('main')!.port, mode);
  try {
    for (const one of group.cases) {
      const seen = await ask(client.addressOf('main')!.port, one.in);
      const name = `${group.name} ${one.in}`;
      yield seen === one.out
        ? { name, status: 'pass' }
        : { name, status: 'fail', detail: `the application saw ${seen}, expected ${one.out}` };
    }
  } finally {
    client.close();
    server.close();
  }
}

/** @returns the answer's body, or its status line when it is not 200 */
async function ask(port: number, path: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(`GET ${path} HTTP/1.1\r\nhost: app\r\nconnection: close\r\n\r\n`, 'latin1');
  let answer = '';
  socket.setEncoding('latin1').on('data', (part) => {
    answer += part;
  });
  await once(socket, 'close');
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  return head.startsWith('HTTP/1.1 200') ? body : (head.split('\r\n')[0] ?? '');
}

export const suites: Suite[] = [
  {
    name: 'normalization',
    async *run(dataDir) {
      const { groups }: { groups: Group[] } = JSON.parse(readFileSync(join(dataDir, 'istio/normalization/cases.json'), 'utf8'));
      const application = createServer((request, response) => {
        const seen = request.url ?? '';
        response.writeHead(200, { 'content-length': Buffer.byteLength(seen) }).end(seen);
      }).listen(0, '127.0.0.1');
      await once(application, 'listening');
      try {
        for (const group of groups) yield* judgeGroup(group, (application.address() as AddressInfo).port);
      } finally {
        application.closeAllConnections();
        application.close();
      }
    },
  },
];
