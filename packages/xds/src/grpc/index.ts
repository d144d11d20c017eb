/** gRPC on node:http2, as far as the mesh's own services need it. */
export { type ClientCall, type ClientEvents, callUnary, openCall } from './client.ts';
export { createFrameReader, encodeFrame } from './frames.ts';
export { type CallHandler, createGrpcHandler, type GrpcMethods, type ServerCall, unary } from './server.ts';
export { GrpcCode, GrpcError } from './status.ts';
