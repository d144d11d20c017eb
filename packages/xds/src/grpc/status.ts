/** gRPC status codes that we send. */
export const GrpcCode = {
  ok: 0,
  invalidArgument: 3,
  permissionDenied: 7,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;
export type GrpcCode = (typeof GrpcCode)[keyof typeof GrpcCode];

export class GrpcError extends Error {
  override readonly name = 'GrpcError';
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** `grpc-message` is percent-encoded outside printable ASCII. */
export function encodeMessage(text: string): string {
  return text.replaceAll(/[^ -$&-~]/gu, (character) => encodeURIComponent(character));
}

export function decodeMessage(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
