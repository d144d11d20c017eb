export type IdentityErrorCode = 'bad-spiffe-id' | 'bad-csr' | 'bad-authority' | 'bad-bundle' | 'bad-jwks';

/** Refused input. What a peer presents on the data path is judged by a returned value instead. */
export class IdentityError extends Error {
  readonly code: IdentityErrorCode;
  constructor(code: IdentityErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'IdentityError';
    this.code = code;
  }
}
