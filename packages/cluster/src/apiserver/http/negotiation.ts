import { notAcceptable } from '@palisade/kubernetes';

/** How an object or list is to be shown. */
export type Representation = 'plain' | 'table' | 'partial' | 'partial-list';

const SERVED = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];

interface MediaRange {
  readonly type: string;
  readonly parameters: Readonly<Record<string, string>>;
}

function parseAccept(header: string): MediaRange[] {
  return header
    .split(',')
    .map((part) => {
      const [type = '', ...parameters] = part.split(';').map((piece) => piece.trim());
      return {
        type: type.toLowerCase(),
        parameters: Object.fromEntries(parameters.map((piece) => piece.split('=', 2) as [string, string])),
      };
    })
    .filter((range) => range.type !== '');
}

const isJson = (range: MediaRange) => range.type === 'application/json' || range.type === '*/*' || range.type === 'application/*';

/**
 * The first alternative of `Accept` this server can give, always as JSON.
 *
 * @throws StatusError 406 when nothing listed can be given
 */
export function negotiate(accept: string | undefined): Representation {
  if (accept === undefined || accept === '') return 'plain';
  for (const range of parseAccept(accept)) {
    if (!isJson(range)) continue;
    const { as, g, v } = range.parameters;
    if (as === undefined) return 'plain';
    if (g !== 'meta.k8s.io' || v !== 'v1') continue;
    if (as === 'Table') return 'table';
    if (as === 'PartialObjectMetadata') return 'partial';
    if (as === 'PartialObjectMetadataList') return 'partial-list';
  }
  throw notAcceptable(SERVED);
}

/** Which aggregated discovery version the client takes; undefined: the legacy documents. */
export function negotiateDiscovery(accept: string | undefined): 'v2' | 'v2beta1' | undefined {
  for (const range of parseAccept(accept ?? '')) {
    if (!isJson(range)) continue;
    const { as, g, v } = range.parameters;
    if (as === undefined) return undefined;
    if (g === 'apidiscovery.k8s.io' && as === 'APIGroupDiscoveryList' && (v === 'v2' || v === 'v2beta1')) return v;
  }
  return undefined;
}
