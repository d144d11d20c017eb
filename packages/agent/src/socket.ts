/**
 * What the proxy finds on the agent's Unix socket: SDS with the workload's certificate, and ADS, which is passed on to the control plane
 * as it is, with the pod's token added; questions about secrets on that stream are answered here.
 */
import { constants, createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { TypeUrl } from '@palisade/xds';
import { SecretSchema } from '@palisade/xds/api/envoy/extensions/transport_sockets/tls/v3/secret';
import { DeltaDiscoveryRequestSchema, DeltaDiscoveryResponseSchema } from '@palisade/xds/api/envoy/service/discovery/v3/discovery';
import { createFrameReader, createGrpcHandler, encodeFrame, GrpcCode, type GrpcMethods } from '@palisade/xds/grpc';
import { createDeltaSession, createDiscoveryMethods, type ProxyConnection, type ResourceSnapshot, versioned } from '@palisade/xds/server';
import type { WorkloadSecrets } from './certificates.ts';
import { divideSecretRequest, ownNonce } from './secret-routing.ts';
import type { Upstream } from './upstream.ts';

export const aggregated = '/envoy.service.discovery.v3.AggregatedDiscoveryService/';

export interface AgentSocket {
  readonly server: Http2Server;
  setSecrets(secrets: WorkloadSecrets): void;
}

/** @param more methods of the agent's own services, such as telemetry */
export function createAgentSocket(upstream: Upstream, more: GrpcMethods): AgentSocket {
  const connections = new Set<ProxyConnection<undefined>>();
  let snapshot: ResourceSnapshot = new Map();
  const handle = createGrpcHandler({
    ...createDiscoveryMethods<undefined>({
      // The socket's file permissions decide who may ask.
      authenticate: async () => undefined,
      connected(connection) {
        connections.add(connection);
        connection.push(snapshot);
        return () => connections.delete(connection);
      },
    }),
    ...more,
  });
  const sessions = new Set<SecretSession>();
  const openSecrets: OpenSecrets = (stream, send) => {
    const secrets = createDeltaSession(new Map(), (response) =>
      send(toBinary(DeltaDiscoveryResponseSchema, { ...response, nonce: ownNonce + response.nonce })),
    );
    sessions.add(secrets);
    stream.on('close', () => sessions.delete(secrets));
    secrets.update(snapshot);
    return secrets;
  };
  const server = createServer();
  server.on('sessionError', () => {});
  server.on('stream', (stream, headers) => {
    const path = String(headers[':path']);
    if (path.startsWith(aggregated)) relay(stream, path, upstream, openSecrets);
    else handle(stream, headers);
  });
  return {
    server,
    setSecrets(secrets) {
      snapshot = renderSecrets(secrets);
      for (const connection of connections) connection.push(snapshot);
      for (const session of sessions) session.update(snapshot);
    },
  };
}

/** Names under which every configuration asks for them (mesh/inbound/tls.ts). */
function renderSecrets({ privateKeyPem, chainPem, anchorsPem }: WorkloadSecrets): ResourceSnapshot {
  const inline = (text: string) => ({ specifier: { case: 'inlineString' as const, value: text } });
  const certificate = create(SecretSchema, {
    name: 'default',
    type: { case: 'tlsCertificate', value: { certificateChain: inline(chainPem), privateKey: inline(privateKeyPem) } },
  });
  const anchors = create(SecretSchema, { name: 'ROOTCA', type: { case: 'validationContext', value: { trustedCa: inline(anchorsPem) } } });
  return new Map([[TypeUrl.secret, new Map([certificate, anchors].map((secret) => [secret.name, versioned(SecretSchema, secret)]))]]);
}

type SecretSession = ReturnType<typeof createDeltaSession>;
type OpenSecrets = (stream: ServerHttp2Stream, send: (message: Uint8Array) => void) => SecretSession;

/** Messages go on as they are, but for questions about the workload's own secrets: those the agent answers itself, on the same stream. */
function relay(stream: ServerHttp2Stream, path: string, upstream: Upstream, openSecrets: OpenSecrets): void {
  const lost = () => {
    if (!stream.destroyed) stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  };
  stream.on('error', () => {});
  const send = (message: Uint8Array) => void (stream.destroyed || stream.writableEnded || stream.write(encodeFrame(message)));
  try {
    const headers = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers', ...upstream.headers() };
    const onward = upstream.session().request(headers);
    let trailers: Record<string, string> = { 'grpc-status': String(GrpcCode.unavailable) };
    const keepStatus = (fields: Readonly<Record<string, unknown>>) => {
      if (fields['grpc-status'] === undefined) return;
      trailers = { 'grpc-status': String(fields['grpc-status']), 'grpc-message': String(fields['grpc-message'] ?? '') };
    };
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    const fromAbove = createFrameReader(maxAnswerBytes, send);
    onward.on('response', keepStatus);
    onward.on('trailers', keepStatus);
    onward.on('data', guarded(fromAbove, lost));
    onward.on('error', lost);
    onward.on('end', () => void (stream.destroyed || stream.end()));
    onward.on('close', lost);
    const secrets = path.endsWith('/DeltaAggregatedResources') ? openSecrets(stream, send) : undefined;
    const fromProxy = createFrameReader(maxAnswerBytes, (message) => {
      const request = secrets === undefined ? undefined : fromBinary(DeltaDiscoveryRequestSchema, message);
      const forward = (bytes: Uint8Array) => void (onward.destroyed || onward.write(encodeFrame(bytes)));
      if (request?.typeUrl !== TypeUrl.secret) return forward(message);
      const divided = divideSecretRequest(request);
      if (divided.own !== undefined) secrets!.request(divided.own);
      if (divided.onward !== undefined) forward(toBinary(DeltaDiscoveryRequestSchema, divided.onward));
    });
    stream.on('data', guarded(fromProxy, lost));
    stream.on('end', () => void (onward.destroyed || onward.end()));
    stream.on('close', () => onward.close());
  } catch {
    lost();
  }
}

const maxAnswerBytes = 64 * 1024 * 1024;

function guarded(read: (chunk: Uint8Array) => void, fail: () => void): (chunk: Uint8Array) => void {
  return (chunk) => {
    try {
      read(chunk);
    } catch {
      fail();
    }
  };
}
