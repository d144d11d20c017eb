import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApiServer } from '@palisade/cluster/apiserver';
import { type KubernetesObject, parseApiVersion, SchemaRegistry, type Status } from '@palisade/kubernetes';
import { parse } from 'yaml';
import type { CaseResult, Suite } from './suite.ts';

/**
 * The embedded API server against answers recorded from kube-apiserver 1.34, over TLS: what it stores for a minimal body (`defaulting`)
 * and how it refuses a wrong one (`invalid`, the whole Status compared).
 */

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const readYaml = (text: string): unknown => parse(text, { version: '1.1', logLevel: 'silent' }) as unknown;

interface Answer {
  readonly code: number;
  readonly body: unknown;
}

interface Server extends AsyncDisposable {
  ask(method: string, path: string, body?: string): Promise<Answer>;
}

/** An empty server on a free port, its state in a folder of its own, asked as administrator. */
async function startServer(): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), 'palisade-conformance-'));
  const server = await createApiServer({ stateDir: join(folder, 'state'), clock: () => new Date() });
  const { port } = await server.listen('127.0.0.1', 0);
  const { user } = (JSON.parse(await server.kubeconfig(`https://127.0.0.1:${port}`)) as { users: { user: Record<string, string> }[] })
    .users[0]!;
  const pem = (field: string): string => Buffer.from(user[field] ?? '', 'base64').toString();
  const agent = new Agent({
    keepAlive: true,
    ca: server.caCertificatePem,
    cert: pem('client-certificate-data'),
    key: pem('client-key-data'),
  });
  const ask = (method: string, path: string, body?: string): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { 'Content-Type': 'application/yaml' };
      const req = request({ agent, host: '127.0.0.1', port, method, path, headers }, async (res) => {
        try {
          const text = Buffer.concat(await res.toArray()).toString();
          resolve({ code: res.statusCode ?? 0, body: text.startsWith('{') ? JSON.parse(text) : text });
        } catch (error) {
          reject(error as Error);
        }
      });
      req.on('error', reject);
      req.end(body);
    });
  // A controller would make the account that pods run as.
  await ask('POST', '/api/v1/namespaces/default/serviceaccounts', '{apiVersion: v1, kind: ServiceAccount, metadata: {name: default}}');
  return {
    ask,
    async [Symbol.asyncDispose]() {
      agent.destroy();
      await server.close();
      rmSync(folder, { recursive: true });
    },
  };
}

const placeholder = /<(uid|timestamp|resourceVersion|clusterIP|nodePort|suffix)>/;

/** First difference as `path: ours, real`; undefined when equal. A placeholder stands for any value that is there. */
function firstDifference(ours: unknown, real: unknown, path = ''): string | undefined {
  if (typeof real === 'string' && placeholder.test(real) && ours !== undefined) return undefined;
  if (isObject(ours) && isObject(real)) {
    for (const key of new Set([...Object.keys(ours), ...Object.keys(real)])) {
      const found = key === 'managedFields' ? undefined : firstDifference(ours[key], real[key], `${path}.${key}`);
      if (found) return found;
    }
    return undefined;
  }
  if (Array.isArray(ours) && Array.isArray(real) && ours.length === real.length) {
    return ours.map((item, i) => firstDifference(item, real[i], `${path}[${i}]`)).find((d) => d !== undefined);
  }
  return JSON.stringify(ours) === JSON.stringify(real) ? undefined : `${path}: ${JSON.stringify(ours)}, real ${JSON.stringify(real)}`;
}

async function result(name: string, run: () => Promise<string | undefined>): Promise<CaseResult> {
  try {
    const detail = await run();
    return detail === undefined ? { name, status: 'pass' } : { name, status: 'fail', detail };
  } catch (error) {
    return { name, status: 'fail', detail: (error as Error).message };
  }
}

function collectionPath({ apiVersion, kind }: KubernetesObject): string {
  const info = SchemaRegistry.builtin().byKind({ ...parseApiVersion(apiVersion), kind });
  if (!info) throw new Error(`${apiVersion} ${kind} is not served`);
  return `/${info.group === '' ? 'api' : 'apis'}/${apiVersion}${info.namespaced ? '/namespaces/default' : ''}/${info.resource}`;
}

async function compareDefaulting(server: Server, folder: string, name: string): Promise<string | undefined> {
  const text = readFileSync(join(folder, `${name}-in.yaml`), 'utf8');
  const input = readYaml(text) as KubernetesObject;
  const path = collectionPath(input);
  const created = await server.ask('POST', path, text);
  if (created.code !== 201) return `${created.code}: ${JSON.stringify(created.body)}`;
  const item = `${path}/${input.metadata.name}`;
  const stored = await server.ask('GET', item);
  // Pods of one name follow each other: the next case needs the name.
  await server.ask('DELETE', `${item}?gracePeriodSeconds=0`);
  return firstDifference(stored.body, readYaml(readFileSync(join(folder, `${name}-out.yaml`), 'utf8')));
}

async function* runDefaulting(dataDir: string): AsyncIterable<CaseResult> {
  const folder = join(dataDir, 'kubernetes/defaulting');
  await using server = await startServer();
  for (const file of readdirSync(folder)
    .filter((f) => f.endsWith('-in.yaml'))
    .sort()) {
    const name = file.slice(0, -'-in.yaml'.length);
    yield await result(name, () => compareDefaulting(server, folder, name));
  }
}

interface Recorded {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly httpStatus: number;
  readonly status: Status;
}

async function compareInvalid(server: Server, folder: string, name: string): Promise<string | undefined> {
  const { method, path, query, httpStatus, status } = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as Recorded;
  const { code, body } = await server.ask(method, `${path}?dryRun=All&${query}`, readFileSync(join(folder, `${name}.yaml`), 'utf8'));
  return code === httpStatus ? firstDifference(body, status) : `HTTP ${code}, real ${httpStatus}`;
}

async function* runInvalid(dataDir: string): AsyncIterable<CaseResult> {
  const folder = join(dataDir, 'kubernetes/invalid');
  await using server = await startServer();
  await server.ask(
    'POST',
    '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
    readFileSync(join(folder, '_widgets-crd.yaml'), 'utf8'),
  );
  for (const file of readdirSync(folder)
    .filter((f) => f.endsWith('.json'))
    .sort()) {
    const name = file.slice(0, -'.json'.length);
    yield await result(name, () => compareInvalid(server, folder, name));
  }
}

export const suites: Suite[] = [
  { name: 'defaulting', run: runDefaulting },
  { name: 'invalid', run: runInvalid },
];
