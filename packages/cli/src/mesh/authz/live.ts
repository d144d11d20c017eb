/** The same request sent for real: with curl inside the caller's own container, or from here to the gateway's address. */
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { KubernetesObject } from '@palisade/kubernetes';
import { backedPorts } from '@palisade/mesh/call';
import { kubectl } from '../ask.ts';
import { nameOf } from '../ends.ts';
import { type MeshSource, workloadOf } from '../source.ts';
import type { Dial } from './question.ts';
import type { Way } from './way.ts';

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

export async function dial(kubeconfig: string, source: MeshSource, to: Dial, request: LiveRequest): Promise<LiveAnswer> {
  return 'door' in to ? visitGateway(source, to, request) : sendFromPod(kubeconfig, to.from, to.authority, request);
}

/** Claims alone are nothing that could be sent. */
function headersOf({ header, jwt }: LiveRequest): string[] {
  const isToken = jwt !== undefined && !jwt.trimStart().startsWith('{');
  return [...header, ...(isToken ? [`authorization: Bearer ${jwt}`] : [])];
}

async function sendFromPod(kubeconfig: string, from: KubernetesObject, authority: string, request: LiveRequest): Promise<LiveAnswer> {
  const { namespace = 'default', name = '' } = from.metadata;
  const containers = (from['spec'] as { containers?: readonly { name: string }[] } | undefined)?.containers ?? [];
  const container = containers.find((each) => each.name !== 'istio-proxy')?.name ?? '';
  const curl = [
    ...['curl', '-s', '--globoff', '--path-as-is', '-m', String(timeoutSeconds), '-X', request.method],
    ...headersOf(request).flatMap((header) => ['-H', header.replace(/^([^:=\s]+)\s*=\s*/, '$1: ')]),
    ...['-w', '\n%{http_code} %{exitcode}', `http://${authority}${request.path}`],
  ];
  // curl's own exit code comes with its last line; kubectl's would only repeat it.
  const shell = ['sh', '-c', '"$@" || true', 'sh', ...curl];
  const output = await kubectl(kubeconfig, ['exec', '-n', namespace, name, '-c', container, '--', ...shell]);
  return readLive(output);
}

/** To the address that the Service in front of the gateway has outside, from the machine this runs on. */
async function visitGateway(source: MeshSource, { gateway, door, authority }: Way, request: LiveRequest): Promise<LiveAnswer> {
  const fronts = new Set(
    backedPorts(source.snapshot.services, workloadOf(gateway))
      .filter(({ port, targetPort }) => port.port === door.port && targetPort === door.podPort)
      .map(({ service }) => `${service.namespace}/${service.name}`),
  );
  const addresses = source.services.filter((each) => fronts.has(nameOf(each))).flatMap(outsideAddresses);
  if (addresses.length === 0) {
    const looked = fronts.size === 0 ? `no Service leads to port ${door.port}` : `${[...fronts].join(', ')} has no address outside`;
    throw new Error(`Cannot send the request to ${nameOf(gateway)}: ${looked}; "kubectl get services -A" shows them`);
  }
  const headers = headersOf(request).map((line) => /^([^:=\s]+)\s*[:=]\s*(.*)$/.exec(line)!.slice(1) as [string, string]);
  const host = headers.some(([name]) => name.toLowerCase() === 'host') ? [] : [['host', authority]];
  const options: RequestOptions = {
    host: addresses[0]!,
    port: door.port,
    method: request.method,
    path: request.path,
    headers: [...host, ...headers].flat(),
    agent: false,
    timeout: timeoutSeconds * 1000,
  };
  return new Promise((resolve) => {
    const take = (answer: IncomingMessage) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (part: string) => {
        body += part;
      });
      answer.on('close', () => resolve(judge(answer.statusCode ?? 0, body, 'the connection broke')));
    };
    // The verdict is asked about, not the gateway's certificate.
    const tls = { servername: authority.replace(/:\d+$/, ''), rejectUnauthorized: false };
    const sent = door.isTls ? httpsRequest({ ...options, ...tls }, take) : httpRequest(options, take);
    sent.on('timeout', () => sent.destroy(new Error(`nothing within ${timeoutSeconds} s`)));
    sent.on('error', (error) => resolve(judge(0, '', error.message)));
    sent.end();
  });
}

function outsideAddresses({ status }: KubernetesObject): string[] {
  const balancer = (status as { loadBalancer?: { ingress?: readonly { ip?: string; hostname?: string }[] } } | undefined)?.loadBalancer;
  return (balancer?.ingress ?? []).flatMap(({ ip, hostname }) => ip ?? hostname ?? []);
}

/** @param output the body, then `status exitcode` on the last line */
export function readLive(output: string): LiveAnswer {
  const lines = output.trimEnd().split('\n');
  const [status = 0, exit] = (lines.at(-1) ?? '').split(' ').map(Number);
  return judge(status, lines.slice(0, -1).join('\n'), `curl exit code ${exit}`);
}

/** @param failure why, when there is no status */
function judge(status: number, body: string, failure: string): LiveAnswer {
  if (!status) return { isAllowed: false, status: 0, text: `no answer (${failure})` };
  const isDenied =
    (status === 403 && body.startsWith('RBAC: access denied')) ||
    (status === 401 && body.startsWith('Jwt')) ||
    (status === 403 && body.startsWith('Audiences in Jwt'));
  // A proxy that gets no connection upstream answers in the destination's stead.
  const isUnreached = status === 503 && /upstream connect error|reset before headers/.test(body);
  const shown = isDenied || isUnreached ? ` ${body.split('\n')[0]!.slice(0, 80)}` : '';
  return { isAllowed: !isDenied && !isUnreached, status, text: `${status}${shown}` };
}
