import type { ServerResponse } from 'node:http';
import type { HttpContext } from './context.ts';
import { sendJson, sendText } from './respond.ts';

/** The Kubernetes version whose behaviour this server shows. kubectl picks its own version by it. */
export const VERSION = {
  major: '1',
  minor: '34',
  gitVersion: 'v1.34.4-palisade',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: 'none',
  compiler: 'none',
  platform: `linux/${process.arch === 'x64' ? 'amd64' : process.arch}`,
};

/** `/healthz`, `/livez`, `/readyz`, with `?verbose` and single checks below them. */
export function serveHealth(context: HttpContext, url: URL, res: ServerResponse): boolean {
  const match = /^\/(healthz|livez|readyz)(?:\/(.*))?$/.exec(url.pathname);
  if (match === null) return false;
  const [, name, check] = match;
  if (check !== undefined && check !== 'ping' && check !== 'etcd') {
    sendText(res, 404, '404 page not found\n');
    return true;
  }
  const isGood = name === 'livez' || context.isReady();
  const detail = `[+]ping ok\n[${isGood ? '+' : '-'}]etcd ${isGood ? 'ok' : 'failed: reason withheld'}\n`;
  if (!isGood) sendText(res, 500, `${detail}${name} check failed\n`);
  else sendText(res, 200, url.searchParams.has('verbose') ? `${detail}${name} check passed\n` : 'ok');
  return true;
}

/** `/version` and what verifiers of service-account tokens read (OpenID discovery). */
export async function serveWellKnown(context: HttpContext, path: string, res: ServerResponse): Promise<boolean> {
  switch (path) {
    case '/version':
    case '/version/':
      sendJson(res, 200, VERSION);
      return true;
    case '/openid/v1/jwks':
      sendJson(res, 200, await context.tokens.jwks(), 'application/jwk-set+json');
      return true;
    case '/.well-known/openid-configuration': {
      const issuer = context.tokens.issuer;
      sendJson(res, 200, {
        issuer,
        jwks_uri: `${issuer}/openid/v1/jwks`,
        response_types_supported: ['id_token'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['ES256'],
      });
      return true;
    }
    case '/': {
      const paths = ['/api', '/apis', '/healthz', '/livez', '/openapi/v3', '/openid/v1/jwks', '/readyz', '/version'];
      sendJson(res, 200, { paths });
      return true;
    }
    default:
      return false;
  }
}
