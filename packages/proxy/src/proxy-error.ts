/** Configuration that is refused. The data path never throws: it answers with unions. */
export type ProxyErrorCode = 'bad-config' | 'unsupported' | 'bad-secret' | 'bad-regex' | 'bind-failed' | 'no-file';

export class ProxyError extends Error {
  override readonly name = 'ProxyError';
  readonly code: ProxyErrorCode;
  constructor(code: ProxyErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export function unsupported(where: string, what: string): ProxyError {
  return new ProxyError('unsupported', `${where}: ${what} is not supported by this data plane; remove it or run the workload on Envoy`);
}
