/** `istio.v1.auth.IstioCertificateService/CreateCertificate`: field numbers as Istio's `security/v1alpha1/ca.proto` has them. */

import type { IncomingHttpHeaders } from 'node:http2';
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import {
  type Authority,
  type CheckedRequest,
  checkRequest,
  IdentityError,
  type SigningEdges,
  signWorkload,
  type TrustDomains,
  type WorkloadId,
} from '@palisade/identity';
import { GrpcCode, GrpcError, type GrpcMethods, unary } from '@palisade/xds/grpc';

const method = '/istio.v1.auth.IstioCertificateService/CreateCertificate';
const maxTtlSeconds = 86_400;

export interface CertificateServiceOptions {
  /** Signs now. */
  authority(): Authority;
  readonly edges: SigningEdges;
  /** A workload may still ask in the name of an alias; its account is what its token says. */
  trustDomains(): TrustDomains;
  authenticate(headers: IncomingHttpHeaders): Promise<{ readonly id: WorkloadId }>;
}

export function createCertificateMethods({ authority, edges, authenticate, trustDomains }: CertificateServiceOptions): GrpcMethods {
  return {
    [method]: unary(async (message, call) => {
      const { id } = await authenticate(call.headers);
      const { csr, seconds } = readRequest(message);
      try {
        const ttl = Math.min(seconds > 0 ? seconds : maxTtlSeconds, maxTtlSeconds);
        const signer = authority();
        const signed = await signWorkload(await checkAnyDomain(csr, id, trustDomains()), signer, edges, ttl);
        return writeChain([...splitPem(signed.chainPem), signer.rootPem]);
      } catch (error) {
        if (error instanceof IdentityError) throw new GrpcError(GrpcCode.invalidArgument, error.message);
        throw error;
      }
    }),
  };
}

async function checkAnyDomain(csr: string, id: WorkloadId, { aliases }: TrustDomains): Promise<CheckedRequest> {
  let problem: unknown;
  for (const trustDomain of [id.trustDomain, ...aliases]) {
    try {
      return await checkRequest(csr, { ...id, trustDomain });
    } catch (error) {
      problem ??= error;
    }
  }
  throw problem;
}

function readRequest(message: Uint8Array): { csr: string; seconds: number } {
  const reader = new BinaryReader(message);
  let csr = '';
  let seconds = 0;
  try {
    while (reader.pos < reader.len) {
      const [field, type] = reader.tag();
      if (field === 1 && type === WireType.LengthDelimited) csr = reader.string();
      else if (field === 3 && type === WireType.Varint) seconds = Number(reader.int64());
      else reader.skip(type, field);
    }
  } catch {
    throw new GrpcError(GrpcCode.invalidArgument, 'the request cannot be read');
  }
  return { csr, seconds };
}

/** `repeated string cert_chain = 1`: the leaf first, the root last. */
function writeChain(chain: readonly string[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const certificate of chain) writer.tag(1, WireType.LengthDelimited).string(certificate);
  return writer.finish();
}

function splitPem(text: string): string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----\n?/g) ?? [];
}
