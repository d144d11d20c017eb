import type { Environment } from '@marcbachmann/cel-js';

/** A URL with a scheme, or an absolute path (Go's `url.ParseRequestURI`). */
class Url {
  readonly scheme: string;
  readonly host: string;
  readonly hostname: string;
  readonly port: string;
  readonly path: string;
  readonly query: Map<string, string[]>;

  constructor(text: string) {
    const match = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/(?:[^/?#@]*@)?([^/?#]*))?([^?#]*)(?:\?([^#]*))?/.exec(text)!;
    const [, scheme = '', host = '', path = '', query = ''] = match;
    const address = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(host);
    const isBad = /[\s\x7f\x00-\x1f]/.test(text) || address === null || /%(?![0-9A-Fa-f]{2})/.test(path);
    if (isBad || (scheme === '' && (host !== '' || !path.startsWith('/')))) {
      throw new Error(`URL parse error during conversion from string: parse ${JSON.stringify(text)}: invalid URI for request`);
    }
    this.scheme = scheme.toLowerCase();
    this.host = host;
    this.hostname = (address[1] ?? '').replace(/^\[|\]$/g, '');
    this.port = address[2] ?? '';
    this.path = path;
    this.query = new Map();
    for (const [name, value] of new URLSearchParams(query)) this.query.set(name, [...(this.query.get(name) ?? []), value]);
  }
}

export function registerUrlFunctions(env: Environment): void {
  env.registerType('kubernetes.URL', { ctor: Url, fields: {} });
  env.registerFunction('url(string): kubernetes.URL', (text: string) => new Url(text));
  env.registerFunction('isURL(string): bool', (text: string) => {
    try {
      return new Url(text) !== undefined;
    } catch {
      return false;
    }
  });
  env.registerFunction('kubernetes.URL.getScheme(): string', (url: Url) => url.scheme);
  env.registerFunction('kubernetes.URL.getHost(): string', (url: Url) => url.host);
  env.registerFunction('kubernetes.URL.getHostname(): string', (url: Url) => url.hostname);
  env.registerFunction('kubernetes.URL.getPort(): string', (url: Url) => url.port);
  env.registerFunction('kubernetes.URL.getEscapedPath(): string', (url: Url) => url.path);
  env.registerFunction('kubernetes.URL.getQuery(): map<string, list<string>>', (url: Url) => url.query);
}
