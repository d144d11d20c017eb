/** What the hosts outside answer over HTTP. Data only: nothing here harms or runs anything. */
import type { OutsideHost } from './zone.ts';

export interface Page {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** The EICAR test file, put together so that no scanner takes this source for it. */
const eicar = ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$', 'EICAR-STANDARD-ANTIVIRUS-TEST-FILE!', '$H+H*'].join('');

const text = (body: string, status = 200): Page => ({ status, type: 'text/plain', body: `${body}\n` });

export function pageFor(
  serves: OutsideHost['serves'],
  path: string,
  headers: Readonly<Record<string, string | string[] | undefined>>,
): Page {
  switch (serves) {
    case 'mirror':
      return {
        status: 200,
        type: 'text/html',
        body: `<html><title>Index of ${escapeText(path)}</title><a href="7/">7/</a> <a href="8/">8/</a></html>\n`,
      };
    case 'malware':
      return { status: 200, type: 'application/octet-stream', body: eicar };
    case 'site':
      return { status: 200, type: 'text/html', body: '<html><h1>A site outside the cluster</h1></html>\n' };
    case 'command-and-control':
      return text('sleep 60');
    case 'metadata':
      return metadataPage(path, headers);
  }
  return serves satisfies never;
}

/** Google's layout: the header is required, as on the real one, except below the legacy path that seed 003's exploit used. */
function metadataPage(path: string, headers: Readonly<Record<string, string | string[] | undefined>>): Page {
  const isLegacy = path.startsWith('/computeMetadata/v1beta1/');
  if (!isLegacy && headers['metadata-flavor'] !== 'Google') return text('Missing required header: Metadata-Flavor: Google', 403);
  const entry = path.replace(/^\/computeMetadata\/v1(beta1)?/, '').replace(/\?.*$/, '');
  if (entry === '/instance/attributes/kube-env')
    return text('CLUSTER_NAME: example\nKUBELET_CERT: not a certificate\nKUBELET_KEY: not a key');
  if (entry === '/instance/service-accounts/default/token')
    return { status: 200, type: 'application/json', body: '{"access_token":"not-a-token","expires_in":3599}\n' };
  if (entry === '/' || entry === '/instance/') return text('attributes/\nservice-accounts/');
  return text('not found', 404);
}

const escapeText = (value: string) => value.replaceAll(/[<>&"]/g, (character) => `&#${character.charCodeAt(0)};`);
