/** The workload's certificate: key made here, signed by the control plane, renewed at half of its life; the last one stays until the next. */

import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { createKeyAndRequest, defaultGraceRatio, renewalTime, type WorkloadId } from '@palisade/identity';
import { callUnary } from '@palisade/xds/grpc';
import { keepAlive } from './keep-alive.ts';

export interface WorkloadSecrets {
  readonly privateKeyPem: string;
  readonly chainPem: string;
  readonly anchorsPem: string;
  readonly notAfter: Date;
}

export interface ControlPlaneAccess {
  /** `istiod.istio-system.svc:15012` */
  readonly address: string;
  readonly anchorsFile: string;
  readonly tokenFile: string;
}

const method = '/istio.v1.auth.IstioCertificateService/CreateCertificate';
const defaultTtlSeconds = 86_400;
const unitSeconds = { h: 3600, m: 60, s: 1 } as const;

/** `SECRET_TTL` as Istio writes it: `24h`, `90m`, `1h30m`. @throws Error when it is none */
export function readTtl(text: string | undefined): number {
  if (text === undefined || text === '') return defaultTtlSeconds;
  const parts = [...text.matchAll(/(\d+)([hms])/g)];
  const seconds = parts.reduce((sum, [, count, unit]) => sum + Number(count) * unitSeconds[unit as keyof typeof unitSeconds], 0);
  if (parts.map(([part]) => part).join('') !== text || seconds < 1)
    throw new Error(`SECRET_TTL is "${text}": expected a duration such as 24h or 30m`);
  return seconds;
}

/** `SECRET_GRACE_PERIOD_RATIO` as Istio writes it. @throws Error when it is none */
export function readGraceRatio(text: string | undefined): number {
  const ratio = text === undefined || text === '' ? defaultGraceRatio : Number(text);
  if (!(ratio > 0 && ratio < 1)) throw new Error(`SECRET_GRACE_PERIOD_RATIO is "${text}": expected a part of 1 such as 0.5`);
  return ratio;
}

const firstRetryMs = 500;
const lastRetryMs = 30_000;

export function connectControlPlane({ address, anchorsFile }: ControlPlaneAccess) {
  const host = address.slice(0, address.lastIndexOf(':'));
  return connect(`https://${address}`, { ca: readFileSync(anchorsFile), servername: host });
}

/** Read anew each time: Kubernetes rotates it. */
export function authorization({ tokenFile }: ControlPlaneAccess): Record<string, string> {
  return { authorization: `Bearer ${readFileSync(tokenFile, 'utf8').trim()}` };
}

/** @throws GrpcError, or a file's error */
export async function requestCertificate(access: ControlPlaneAccess, id: WorkloadId, ttlSeconds: number): Promise<WorkloadSecrets> {
  const { privateKeyPem, csrPem } = await createKeyAndRequest(id);
  const session = connectControlPlane(access);
  session.on('error', () => {});
  // One that accepts and never answers must not hold the renewal up.
  keepAlive(session);
  try {
    const request = new BinaryWriter().tag(1, WireType.LengthDelimited).string(csrPem).tag(3, WireType.Varint).int64(ttlSeconds).finish();
    const chain = readChain(await callUnary(session, method, authorization(access), request));
    const leaf = new X509Certificate(chain[0] ?? '');
    return {
      privateKeyPem,
      chainPem: chain.slice(0, -1).join(''),
      anchorsPem: chain.at(-1)!,
      notAfter: leaf.validToDate,
    };
  } finally {
    session.close();
  }
}

function readChain(message: Uint8Array): string[] {
  const reader = new BinaryReader(message);
  const chain: string[] = [];
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === 1 && type === WireType.LengthDelimited) chain.push(reader.string());
    else reader.skip(type, field);
  }
  if (chain.length < 2) throw new Error(`the control plane answered with ${chain.length} certificates, expected the chain and its root`);
  return chain;
}

export interface RenewalEdges {
  now(): Date;
  random(): number;
  later(action: () => void, ms: number): void;
  log(message: string): void;
}

/** Goes on for ever: after a failure soon again, doubling up to half a minute. */
export function keepCertificate(
  request: () => Promise<WorkloadSecrets>,
  edges: RenewalEdges,
  take: (secrets: WorkloadSecrets) => void,
  graceRatio = defaultGraceRatio,
): void {
  let retryMs = firstRetryMs;
  const attempt = (): void => {
    request().then(
      (secrets) => {
        retryMs = firstRetryMs;
        take(secrets);
        const receivedAt = edges.now();
        const renewal = renewalTime({ receivedAt, notAfter: secrets.notAfter }, edges.random, graceRatio);
        // A timer holds at most 2^31 ms, which is longer than any certificate here lives.
        edges.later(attempt, Math.max(1000, renewal.getTime() - receivedAt.getTime()));
      },
      (error) => {
        edges.log(`no certificate yet: ${(error as Error).message}`);
        edges.later(attempt, retryMs);
        retryMs = Math.min(retryMs * 2, lastRetryMs);
      },
    );
  };
  attempt();
}
