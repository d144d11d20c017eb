import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { OutgoingHttpHeaders } from 'node:http';
import { Agent, request } from 'node:https';
import { join } from 'node:path';

/** An API server that answers checks: ours, or the real one. */
export interface Contender {
  /** Sends one request as the administrator, or with `token`. */
  ask(method: string, path: string, headers: OutgoingHttpHeaders, body: string | undefined, token?: string): Promise<Reply>;
  kubectl(args: readonly string[], stdin: string): Promise<{ code: number; out: string; err: string }>;
}

export interface Reply {
  readonly code: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** @param folder holds `kubeconfig` (JSON, with a client certificate); kubectl keeps its cache here too */
export function connect(folder: string): Contender & Disposable {
  const config = JSON.parse(readFileSync(join(folder, 'kubeconfig'), 'utf8')) as {
    clusters: { cluster: { server: string; 'certificate-authority-data': string } }[];
    users: { user: Record<string, string> }[];
  };
  const { cluster } = config.clusters[0]!;
  const decode = (text: string | undefined) => Buffer.from(text ?? '', 'base64').toString();
  const ca = decode(cluster['certificate-authority-data']);
  const user = config.users[0]!.user;
  const admin = new Agent({
    keepAlive: true,
    ca,
    cert: decode(user['client-certificate-data']),
    key: decode(user['client-key-data']),
  });
  const nobody = new Agent({ keepAlive: true, ca });
  return {
    ask(method, path, headers, body, token) {
      return new Promise((resolve, reject) => {
        const authorization = token === undefined ? {} : { Authorization: `Bearer ${token}` };
        // Node frames no body of a DELETE by itself.
        const length = body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) };
        const options = { agent: token === undefined ? admin : nobody, method, headers: { ...headers, ...authorization, ...length } };
        const req = request(`${cluster.server}${path}`, options, async (res) => {
          try {
            const text = Buffer.concat(await res.toArray()).toString();
            resolve({ code: res.statusCode ?? 0, headers: res.headers, text });
          } catch (error) {
            reject(error as Error);
          }
        });
        req.setTimeout(20_000, () => req.destroy(new Error(`${method} ${path}: no answer within 20 s`)));
        req.on('error', reject);
        req.end(body);
      });
    },
    kubectl(args, stdin) {
      return new Promise((resolve, reject) => {
        const env = { ...process.env, HOME: folder, KUBECONFIG: join(folder, 'kubeconfig'), KUBE_EDITOR: 'sed -i s/before/after/' };
        const child = spawn('kubectl', [`--cache-dir=${join(folder, 'cache')}`, ...args], { env, cwd: folder, timeout: 30_000 });
        let [out, err] = ['', ''];
        child.stdout.setEncoding('utf8').on('data', (text: string) => {
          out += text;
        });
        child.stderr.setEncoding('utf8').on('data', (text: string) => {
          err += text;
        });
        child.stdin.on('error', () => {});
        child.stdin.end(stdin);
        child.on('error', reject);
        child.on('close', (code) => resolve({ code: code ?? -1, out, err }));
      });
    },
    [Symbol.dispose]() {
      admin.destroy();
      nobody.destroy();
    },
  };
}
