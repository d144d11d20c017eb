/**
 * What the proxy finds on the agent's Unix socket: SDS with the workload's certificate, and ADS, which is passed on to the control plane
 * as it is, with the pod's token added.
 */
import { type ClientHttp2Session, constants, createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { create } from '@bufbuild/protobuf';
import { TypeUrl } from '@palisade/xds';
import { SecretSchema } from '@palisade/xds/api/envoy/extensions/transport_sockets/tls/v3/secret';
import { createGrpcHandler } from '@palisade/xds/grpc';
import { createDiscoveryMethods, type ProxyConnection, type ResourceSnapshot, versioned } from '@palisade/xds/server';
import { authorization, type ControlPlaneAccess, connectControlPlane, type WorkloadSecrets } from './certificates.ts';

const aggregated = '/envoy.service.discovery.v3.AggregatedDiscoveryService/';

export interface AgentSocket {
  readonly server: Http2Server;
  setSecrets(secrets: WorkloadSecrets): void;
}

export function createAgentSocket(access: ControlPlaneAccess): AgentSocket {
  const connections = new Set<ProxyConnection<undefined>>();
  let snapshot: ResourceSnapshot = new Map();
  const handle = createGrpcHandler(
    createDiscoveryMethods<undefined>({
      // The socket's file permissions decide who may ask.
      authenticate: async () => undefined,
      connected(connection) {
        connections.add(connection);
        connection.push(snapshot);
        return () => connections.delete(connection);
      },
    }),
  );
  let upstream: ClientHttp2Session | undefined;
  const session = (): ClientHttp2Session => {
    if (upstream === undefined || upstream.destroyed || upstream.closed) {
      upstream = connectControlPlane(access);
      upstream.on('error', () => {});
    }
    return upstream;
  };
  const server = createServer();
  server.on('sessionError', () => {});
  server.on('stream', (stream, headers) => {
    const path = String(headers[':path']);
    if (path.startsWith(aggregated)) relay(stream, path, session, access);
    else handle(stream, headers);
  });
  return {
    server,
    setSecrets(secrets) {
      snapshot = renderSecrets(secrets);
      for (const connection of connections) connection.push(snapshot);
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

function relay(stream: ServerHttp2Stream, path: string, session: () => ClientHttp2Session, access: ControlPlaneAccess): void {
  stream.on('error', () => {});
  const lost = () => {
    if (!stream.destroyed) stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  };
  try {
    const onward = session().request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...authorization(access),
    });
    onward.on('error', lost);
    onward.on('close', lost);
    onward.on('response', (headers) => {
      if (stream.destroyed) return;
      const { ':status': status, 'content-type': type, 'grpc-status': code, 'grpc-message': message } = headers;
      const fields = { ':status': status ?? 200, 'content-type': type ?? 'application/grpc' };
      if (code === undefined) stream.respond(fields, { waitForTrailers: true });
      else
        stream.respond(
          { ...fields, 'grpc-status': String(code), ...(message === undefined ? {} : { 'grpc-message': String(message) }) },
          { endStream: true },
        );
    });
    let trailers: Record<string, string> = { 'grpc-status': '14' };
    onward.on('trailers', (fields) => {
      trailers = { 'grpc-status': String(fields['grpc-status'] ?? '14'), 'grpc-message': String(fields['grpc-message'] ?? '') };
    });
    stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    onward.on('data', (chunk) => void (stream.destroyed || stream.write(chunk)));
    onward.on('end', () => void (stream.destroyed || stream.end()));
    stream.on('data', (chunk) => void (onward.destroyed || onward.write(chunk)));
    stream.on('end', () => void (onward.destroyed || onward.end()));
    stream.on('close', () => onward.close());
  } catch {
    lost();
  }
}
