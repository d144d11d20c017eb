/** Who a proxy is: its pod's bound token, asked about at the API server (TokenReview) with our audience. */
import type { IncomingHttpHeaders } from 'node:http2';
import type { WorkloadId } from '@palisade/identity';
import type { ApiClient } from '@palisade/kubernetes';
import { GrpcCode, GrpcError } from '@palisade/xds/grpc';

export const tokenAudience = 'istio-ca';

export interface ProxyIdentity {
  readonly id: WorkloadId;
  /** The pod that the token is bound to; absent for tokens bound to none. */
  readonly pod?: string;
}

export function createTokenReviewer(
  client: ApiClient,
  trustDomain: () => string,
): (headers: IncomingHttpHeaders) => Promise<ProxyIdentity> {
  return async (headers) => {
    const token = /^Bearer (\S+)$/.exec(String(headers['authorization'] ?? ''))?.[1];
    if (token === undefined) throw new GrpcError(GrpcCode.unauthenticated, 'no bearer token');
    const review = await client
      .create(
        { group: 'authentication.k8s.io', version: 'v1', resource: 'tokenreviews' },
        { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', metadata: {}, spec: { token, audiences: [tokenAudience] } },
      )
      .catch(() => {
        throw new GrpcError(GrpcCode.unavailable, 'the token could not be reviewed');
      });
    const status = review['status'] as
      | { authenticated?: boolean; audiences?: string[]; user?: { username?: string; extra?: Record<string, string[]> } }
      | undefined;
    // An API server that knows no audiences answers without them: its word would hold for a token meant for somebody else.
    if (status?.authenticated !== true || !status.audiences?.includes(tokenAudience))
      throw new GrpcError(GrpcCode.unauthenticated, `the token is not valid for audience "${tokenAudience}"`);
    const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(status.user?.username ?? '');
    if (account === null) throw new GrpcError(GrpcCode.unauthenticated, 'the token is not a service account’s');
    const pod = status.user?.extra?.['authentication.kubernetes.io/pod-name']?.[0];
    return {
      id: { trustDomain: trustDomain(), namespace: account[1]!, serviceAccount: account[2]! },
      ...(pod === undefined ? {} : { pod }),
    };
  };
}
