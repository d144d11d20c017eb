/** The same request sent for real, with curl inside the caller's own container. */
import type { KubernetesObject } from '@palisade/kubernetes';
import { kubectl } from '../ask.ts';

export interface LiveAnswer {
  readonly isAllowed: boolean;
  /** 0 = no answer. */
  readonly status: number;
  /** `403 RBAC: access denied`, or how the connection failed. */
  readonly text: string;
}

interface LiveRequest {
  readonly method: string;
  readonly path: string;
  readonly header: readonly string[];
  readonly jwt?: string;
}

const timeoutSeconds = 5;

export async function sendRequest(
  kubeconfig: string,
  from: KubernetesObject,
  authority: string,
  request: LiveRequest,
): Promise<LiveAnswer> {
  const { namespace = 'default', name = '' } = from.metadata;
  const containers = (from['spec'] as { containers?: readonly { name: string }[] } | undefined)?.containers ?? [];
  const container = containers.find((each) => each.name !== 'istio-proxy')?.name ?? '';
  // Claims alone are nothing that could be sent.
  const isToken = request.jwt !== undefined && !request.jwt.trimStart().startsWith('{');
  const headers = [...request.header, ...(isToken ? [`authorization: Bearer ${request.jwt}`] : [])];
  const curl = [
    ...['curl', '-s', '--globoff', '--path-as-is', '-m', String(timeoutSeconds), '-X', request.method],
    ...headers.flatMap((header) => ['-H', header.replace(/^([^:=\s]+)\s*=\s*/, '$1: ')]),
    ...['-w', '\n%{http_code} %{exitcode}', `http://${authority}${request.path}`],
  ];
  // curl's own exit code comes with its last line; kubectl's would only repeat it.
  const shell = ['sh', '-c', '"$@" || true', 'sh', ...curl];
  const output = await kubectl(kubeconfig, ['exec', '-n', namespace, name, '-c', container, '--', ...shell]);
  return readLive(output);
}

/** @param output the body, then `status exitcode` on the last line */
export function readLive(output: string): LiveAnswer {
  const lines = output.trimEnd().split('\n');
  const [status, exit] = (lines.at(-1) ?? '').split(' ').map(Number);
  const body = lines.slice(0, -1).join('\n');
  if (!status) return { isAllowed: false, status: 0, text: `no answer (curl exit code ${exit})` };
  const isDenied =
    (status === 403 && body.startsWith('RBAC: access denied')) ||
    (status === 401 && body.startsWith('Jwt')) ||
    (status === 403 && body.startsWith('Audiences in Jwt'));
  // A proxy that gets no connection upstream answers in the destination's stead.
  const isUnreached = status === 503 && /upstream connect error|reset before headers/.test(body);
  const shown = isDenied || isUnreached ? ` ${body.split('\n')[0]!.slice(0, 80)}` : '';
  return { isAllowed: !isDenied && !isUnreached, status, text: `${status}${shown}` };
}
