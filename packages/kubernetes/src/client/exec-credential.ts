import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** A command that prints a token (`users[].user.exec` of a kubeconfig, client.authentication.k8s.io). */
export interface ExecPlugin {
  readonly apiVersion: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly installHint?: string;
}

export interface ExecToken {
  readonly token: string;
  /** Undefined: good until the server says otherwise; asked for again with the next process. */
  readonly expiresMs?: number;
}

/** Runs the plug-in once. It gets no terminal, so it must not ask questions, and 60 s to answer. */
export async function runExecPlugin(plugin: ExecPlugin): Promise<ExecToken> {
  const info = { apiVersion: plugin.apiVersion, kind: 'ExecCredential', spec: { interactive: false } };
  const env = { ...process.env, ...plugin.env, KUBERNETES_EXEC_INFO: JSON.stringify(info) };
  let stdout: string;
  try {
    ({ stdout } = await promisify(execFile)(plugin.command, [...plugin.args], { env, timeout: 60_000, maxBuffer: 1024 * 1024 }));
  } catch (error) {
    const hint = plugin.installHint === undefined ? '' : `\n${plugin.installHint}`;
    throw new Error(`Cannot run credential plug-in "${plugin.command}": ${(error as Error).message.trim()}${hint}`);
  }
  return parseExecCredential(stdout, plugin);
}

/** @throws Error unless the text is an ExecCredential of the wanted version that carries a token */
export function parseExecCredential(text: string, plugin: Pick<ExecPlugin, 'command' | 'apiVersion'>): ExecToken {
  const refuse = (found: string) =>
    new Error(
      `Cannot use answer of credential plug-in "${plugin.command}": found ${found}, wanted an ExecCredential of ${plugin.apiVersion} with status.token`,
    );
  let answer: {
    kind?: unknown;
    apiVersion?: unknown;
    status?: { token?: unknown; expirationTimestamp?: unknown; clientCertificateData?: unknown };
  };
  try {
    answer = JSON.parse(text);
  } catch {
    throw refuse('no JSON');
  }
  if (answer?.kind !== 'ExecCredential' || answer.apiVersion !== plugin.apiVersion)
    throw refuse(`kind ${JSON.stringify(answer?.kind)}, apiVersion ${JSON.stringify(answer?.apiVersion)}`);
  const { token, expirationTimestamp } = answer.status ?? {};
  if (typeof token !== 'string' || token === '')
    throw refuse(answer.status?.clientCertificateData === undefined ? 'no token' : 'a client certificate');
  const expiresMs = typeof expirationTimestamp === 'string' ? Date.parse(expirationTimestamp) : Number.NaN;
  return { token, ...(Number.isNaN(expiresMs) ? {} : { expiresMs }) };
}
