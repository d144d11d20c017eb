/** Configuration that is refused. The data path never throws: it answers with unions. */
export type ProxyErrorCode = 'bad-config' | 'unsupported' | 'bad-secret' | 'bad-regex' | 'bind-failed' | 'bad-file';

export class ProxyError extends Error {
  override readonly name = 'ProxyError';
  readonly code: ProxyErrorCode;
  constructor(code: ProxyErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * Not what the configuration says but what a certificate or a file of this workload holds: whoever may name one must not be able to stop
 * the rest of the configuration.
 */
export function isAboutContent(error: unknown): error is ProxyError {
  return error instanceof ProxyError && (error.code === 'bad-file' || error.code === 'bad-secret');
}

export function unsupported(where: string, what: string): ProxyError {
  return new ProxyError('unsupported', `${where}: ${what} is not supported by this data plane; remove it or run the workload on Envoy`);
}
