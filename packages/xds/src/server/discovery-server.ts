/** The discovery services over gRPC: ADS, delta and state of the world, and the same two of SDS for an agent's socket. */
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { type DescMessage, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf';
import type { Node } from '@palisade/xds/api/envoy/config/core/v3/base';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from '@palisade/xds/api/envoy/service/discovery/v3/discovery';
import type { CallHandler, GrpcMethods, ServerCall } from '../grpc/server.ts';
import { GrpcCode, GrpcError } from '../grpc/status.ts';
import { createDeltaSession, type Session } from './delta-session.ts';
import type { ResourceSnapshot } from './snapshot.ts';
import { createSotwSession } from './sotw-session.ts';
import type { ProxyStatus } from './status.ts';

/** One connected proxy. */
export interface ProxyConnection<Identity> {
  readonly identity: Identity;
  /** As its first message told. */
  readonly node: Node;
  readonly status: ProxyStatus;
  /** Brings it to this state; it is sent what differs. */
  push(snapshot: ResourceSnapshot): void;
  /** Ends the stream; the proxy comes back by itself. */
  close(code: number, reason: string): void;
}

export interface DiscoveryServerOptions<Identity> {
  /** @throws GrpcError (`unauthenticated`) */
  authenticate(headers: IncomingHttpHeaders, stream: ServerHttp2Stream): Promise<Identity>;
  /** A proxy said who it is. @returns what to call when it goes. @throws GrpcError (`permissionDenied`) to turn it away */
  connected(connection: ProxyConnection<Identity>): () => void;
}

const paths = {
  delta: [
    '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
    '/envoy.service.secret.v3.SecretDiscoveryService/DeltaSecrets',
  ],
  sotw: [
    '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources',
    '/envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets',
  ],
};

export function createDiscoveryMethods<Identity>(options: DiscoveryServerOptions<Identity>): GrpcMethods {
  const delta = (call: ServerCall) =>
    serve(options, call, DeltaDiscoveryRequestSchema, (status) =>
      createDeltaSession(status, (response) => call.send(toBinary(DeltaDiscoveryResponseSchema, response))),
    );
  const sotw = (call: ServerCall) =>
    serve(options, call, DiscoveryRequestSchema, (status) =>
      createSotwSession(status, (response) => call.send(toBinary(DiscoveryResponseSchema, response))),
    );
  return Object.fromEntries([...paths.delta.map((path) => [path, delta]), ...paths.sotw.map((path) => [path, sotw])]);
}

function serve<Identity, Desc extends DescMessage>(
  options: DiscoveryServerOptions<Identity>,
  call: ServerCall,
  schema: Desc,
  createSession: (status: ProxyStatus) => Session<MessageShape<Desc>>,
): CallHandler {
  const status: ProxyStatus = new Map();
  const session = createSession(status);
  const identity = options.authenticate(call.headers, call.stream);
  let gone: (() => void) | undefined;
  let isClosed = false;
  const fail = (error: unknown) => {
    if (error instanceof GrpcError) call.end(error.code, error.message);
    else call.end(GrpcCode.internal, 'the stream failed');
  };
  // Messages wait for authentication, and for each other.
  let queue: Promise<void> = identity.then(() => {});
  queue.catch(fail);
  const take = async (message: Uint8Array) => {
    if (isClosed) return;
    const request = fromBinary(schema, message) as MessageShape<Desc> & { readonly node?: Node };
    if (gone === undefined) {
      if (request.node === undefined) throw new GrpcError(GrpcCode.invalidArgument, 'the first message does not say which node it is from');
      gone = options.connected({
        identity: await identity,
        node: request.node,
        status,
        push: (snapshot) => session.update(snapshot),
        close: (code, reason) => call.end(code, reason),
      });
    }
    session.request(request);
  };
  return {
    message(message) {
      queue = queue.then(() => take(message));
      queue.catch(fail);
    },
    halfClosed: () => call.end(),
    closed() {
      isClosed = true;
      gone?.();
      gone = undefined;
    },
  };
}
