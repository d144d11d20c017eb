import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import { parse } from 'yaml';
import type { ExecPlugin } from './exec-credential.ts';

/** Everything needed to reach and be known by one API server. PEM texts, not paths; the token file is read again by its user. */
export interface ClusterAccess {
  readonly server: string;
  /** The context's namespace, `default` when it names none. */
  readonly namespace: string;
  readonly certificateAuthority?: string;
  readonly insecureSkipTlsVerify: boolean;
  readonly tlsServerName?: string;
  readonly clientCertificate?: string;
  readonly clientKey?: string;
  readonly token?: string;
  /** Re-read about once a minute: projected service-account tokens are replaced in place. */
  readonly tokenFile?: string;
  readonly execPlugin?: ExecPlugin;
}

export class KubeconfigError extends Error {
  override readonly name = 'KubeconfigError';
}

interface NamedEntry {
  name?: unknown;
  // biome-ignore lint/suspicious/noExplicitAny: user input, checked field by field below
  [section: string]: any;
}

/**
 * Loads a kubeconfig (`client.config.k8s.io` Config v1). `source` is a path, or the text itself when it holds a line break.
 * Refuses what it cannot honour (auth-provider plug-ins, basic authentication) instead of connecting as somebody else.
 */
export function loadKubeconfig(source: string, options: { context?: string; readFile?: (path: string) => string } = {}): ClusterAccess {
  const readFile = options.readFile ?? ((path: string) => readFileSync(path, 'utf8'));
  const isText = source.includes('\n');
  const text = isText ? source : readFile(source);
  return parseKubeconfig(text, {
    baseDir: isText ? '.' : dirname(resolve(source)),
    readFile,
    ...(options.context === undefined ? {} : { context: options.context }),
  });
}

function parseKubeconfig(text: string, options: { baseDir: string; context?: string; readFile: (path: string) => string }): ClusterAccess {
  let config: NamedEntry;
  try {
    config = parse(text) as NamedEntry;
  } catch (error) {
    throw new KubeconfigError(`Cannot parse kubeconfig: ${(error as Error).message}`);
  }
  if (config === null || typeof config !== 'object')
    throw new KubeconfigError('Cannot parse kubeconfig: found no mapping, wanted kind Config');
  const contextName = options.context ?? config['current-context'];
  if (typeof contextName !== 'string' || contextName === '') throw new KubeconfigError('Cannot use kubeconfig: current-context is not set');
  const context = entry(config, 'contexts', 'context', contextName);
  const cluster = entry(config, 'clusters', 'cluster', String(context['cluster']));
  const user = context['user'] === undefined ? {} : entry(config, 'users', 'user', String(context['user']));
  for (const refused of ['auth-provider', 'username', 'password']) {
    if (user[refused] !== undefined) {
      throw new KubeconfigError(
        `Cannot use kubeconfig user "${context['user']}": "${refused}" is not supported; wanted a client certificate, token, tokenFile or exec`,
      );
    }
  }
  const path = (value: string) => (isAbsolute(value) ? value : resolve(options.baseDir, value));
  const pem = (holder: NamedEntry, field: string): string | undefined => {
    const data = holder[`${field}-data`];
    if (typeof data === 'string') return Buffer.from(data, 'base64').toString('utf8');
    const file = holder[field];
    return typeof file === 'string' ? options.readFile(path(file)) : undefined;
  };
  const server = cluster['server'];
  if (typeof server !== 'string' || !/^https?:\/\//.test(server)) {
    throw new KubeconfigError(
      `Cannot use kubeconfig cluster "${context['cluster']}": found server ${JSON.stringify(server)}, wanted an https URL`,
    );
  }
  return compact<ClusterAccess>({
    server: server.replace(/\/+$/, ''),
    namespace: typeof context['namespace'] === 'string' ? context['namespace'] : 'default',
    certificateAuthority: pem(cluster, 'certificate-authority'),
    insecureSkipTlsVerify: cluster['insecure-skip-tls-verify'] === true,
    tlsServerName: cluster['tls-server-name'],
    clientCertificate: pem(user, 'client-certificate'),
    clientKey: pem(user, 'client-key'),
    token: user['token'],
    execPlugin: user['exec'] === undefined ? undefined : readExecPlugin(user['exec'], options.baseDir),
    tokenFile: typeof user['tokenFile'] === 'string' ? path(user['tokenFile']) : undefined,
  });
}

const EXEC_VERSIONS = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'];

function readExecPlugin(exec: NamedEntry, baseDir: string): ExecPlugin {
  const { apiVersion, command, args, env, interactiveMode, installHint } = exec;
  if (!EXEC_VERSIONS.includes(apiVersion)) {
    throw new KubeconfigError(
      `Cannot use kubeconfig exec: found apiVersion ${JSON.stringify(apiVersion)}, wanted one of ${EXEC_VERSIONS.join(', ')}`,
    );
  }
  if (typeof command !== 'string' || command === '') throw new KubeconfigError('Cannot use kubeconfig exec: command is not set');
  if (interactiveMode === 'Always')
    throw new KubeconfigError(`Cannot use kubeconfig exec: "${command}" wants a terminal (interactiveMode Always)`);
  return {
    apiVersion,
    // As kubectl: a path with a slash is relative to the kubeconfig, a bare name is looked up in PATH.
    command: command.includes('/') && !isAbsolute(command) ? resolve(baseDir, command) : command,
    args: (args ?? []).map(String),
    env: Object.fromEntries(((env ?? []) as { name: string; value: string }[]).map(({ name, value }) => [name, String(value)])),
    ...(typeof installHint === 'string' ? { installHint } : {}),
  };
}

const SERVICE_ACCOUNT_DIR = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Access from inside a pod, by the variables and files every Kubernetes gives its containers; undefined outside one. */
export function inClusterAccess(
  env: NodeJS.ProcessEnv,
  readFile = (path: string) => readFileSync(path, 'utf8'),
): ClusterAccess | undefined {
  const host = env['KUBERNETES_SERVICE_HOST'];
  const port = env['KUBERNETES_SERVICE_PORT'];
  if (!host || !port) return undefined;
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    namespace: readFile(`${SERVICE_ACCOUNT_DIR}/namespace`).trim(),
    certificateAuthority: readFile(`${SERVICE_ACCOUNT_DIR}/ca.crt`),
    insecureSkipTlsVerify: false,
    tokenFile: `${SERVICE_ACCOUNT_DIR}/token`,
  };
}

function entry(config: NamedEntry, section: string, body: string, name: string): NamedEntry {
  const entries: unknown = config[section];
  const found = Array.isArray(entries) ? (entries as NamedEntry[]).find((candidate) => candidate?.name === name) : undefined;
  if (found?.[body] === undefined || found[body] === null)
    throw new KubeconfigError(`Cannot use kubeconfig: ${section} holds no "${name}"`);
  return found[body];
}

function compact<T>(fields: Record<keyof T, unknown>): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}
