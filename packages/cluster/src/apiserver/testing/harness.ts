import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiClient, KubernetesObject } from '@palisade/kubernetes';
import { type ApiServer, type ApiServerOptions, createApiServer, SYSTEM_USER } from '../api-server.ts';

export interface HttpAnswer {
  readonly code: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into wire objects
  readonly json: any;
}

export interface Harness extends AsyncDisposable {
  readonly server: ApiServer;
  readonly client: ApiClient;
  readonly port: number;
  readonly directory: string;
  readonly kubeconfigPath: string;
  /** The administrator's client certificate. */
  readonly admin: { readonly cert: string; readonly key: string };
  /** One HTTPS request as the administrator, or with `token` as somebody else, or with neither. */
  fetch(
    method: string,
    path: string,
    options?: { body?: unknown; headers?: Record<string, string>; token?: string; anonymous?: boolean },
  ): Promise<HttpAnswer>;
}

export const CORE = (resource: string) => ({ group: '', version: 'v1', resource });
export const APPS = (resource: string) => ({ group: 'apps', version: 'v1', resource });

/** A server on a free port with its state in a temporary folder, and the default service account that a controller would make. */
export async function startHarness(options: Partial<ApiServerOptions> = {}): Promise<Harness> {
  const directory = mkdtempSync(join(tmpdir(), 'palisade-apiserver-'));
  const server = await createApiServer({ stateDir: join(directory, 'state'), clock: () => new Date(), ...options });
  const client = server.localClient(SYSTEM_USER);
  await client.create(CORE('serviceaccounts'), {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'default', namespace: 'default' },
  });
  const { port } = await server.listen('127.0.0.1', 0);
  const kubeconfig = await server.kubeconfig(`https://127.0.0.1:${port}`);
  const kubeconfigPath = join(directory, 'kubeconfig');
  writeFileSync(kubeconfigPath, kubeconfig, { mode: 0o600 });
  const user = JSON.parse(kubeconfig).users[0].user;
  const decode = (text: string) => Buffer.from(text, 'base64').toString();
  const certificate = { cert: decode(user['client-certificate-data']), key: decode(user['client-key-data']) };
  const admin = new Agent({ keepAlive: true, ca: server.caCertificatePem, ...certificate });
  const nobody = new Agent({ keepAlive: true, ca: server.caCertificatePem });
  return {
    server,
    client,
    port,
    directory,
    kubeconfigPath,
    admin: certificate,
    fetch(method, path, { body, headers = {}, token, anonymous = false } = {}) {
      return new Promise((resolve, reject) => {
        const agent = token !== undefined || anonymous ? nobody : admin;
        const payload =
          body === undefined ? undefined : typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
        const authorization: Record<string, string> = token === undefined ? {} : { Authorization: `Bearer ${token}` };
        const type: Record<string, string> = payload === undefined ? {} : { 'Content-Type': 'application/json' };
        const req = request({ agent, host: '127.0.0.1', port, method, path, headers: { ...type, ...authorization, ...headers } }, (res) => {
          const chunks: Buffer[] = [];
          res.on('data', (chunk: Buffer) => chunks.push(chunk));
          res.on('error', reject);
          res.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            let json: unknown;
            try {
              json = JSON.parse(text);
            } catch {
              json = undefined;
            }
            resolve({ code: res.statusCode ?? 0, headers: res.headers, text, json });
          });
        });
        req.on('error', reject);
        req.end(payload);
      });
    },
    async [Symbol.asyncDispose]() {
      admin.destroy();
      nobody.destroy();
      await server.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export function configMap(name: string, data: Record<string, string> = {}, namespace = 'default'): KubernetesObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data };
}

export function pod(name: string, spec: object = {}): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: { containers: [{ name: 'c', image: 'busybox' }], ...spec },
  };
}
