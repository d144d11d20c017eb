import { notAcceptable, wrongRepresentation } from '@palisade/kubernetes';

/** How an object or list is to be shown. */
export interface Representation {
  readonly form: 'plain' | 'table' | 'partial' | 'partial-list';
  /** The version of tables and metadata alone; v1beta1 is the same under an older name. */
  readonly apiVersion: string;
}

const PLAIN: Representation = { form: 'plain', apiVersion: 'meta.k8s.io/v1' };

const FORMS: Readonly<Record<string, Representation['form']>> = {
  Table: 'table',
  PartialObjectMetadata: 'partial',
  PartialObjectMetadataList: 'partial-list',
};

const SERVED = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];

/** What lists may be besides, when they are watched. */
const STREAMED = ['application/json;stream=watch', 'application/vnd.kubernetes.protobuf;stream=watch'];

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

const YAML = 'application/yaml';

const isJson = (range: MediaRange) => range.type === 'application/json' || range.type === '*/*';

/**
 * The first alternative of `Accept` this server can give.
 *
 * @param forms what there is besides the plain form
 * @throws StatusError 406 when nothing listed can be given
 */
export function negotiate(
  accept: string | undefined,
  isList = false,
  forms: readonly Representation['form'][] = Object.values(FORMS),
): Representation {
  if (accept === undefined || accept === '') return PLAIN;
  const ranges = parseAccept(accept);
  for (const range of ranges) {
    if (range.type === YAML) return PLAIN;
    if (!isJson(range)) continue;
    const { as, g, v } = range.parameters;
    if (as === undefined) return PLAIN;
    const form = FORMS[as];
    if (form !== undefined && forms.includes(form) && g === 'meta.k8s.io' && (v === 'v1' || v === 'v1beta1'))
      return { form, apiVersion: `${g}/${v}` };
  }
  throw ranges.some((range) => isJson(range))
    ? wrongRepresentation(`only the following media types are accepted: ${SERVED.join(', ')}`)
    : notAcceptable(isList ? [...SERVED, ...STREAMED] : SERVED);
}

/** Whether the first alternative this server can give is YAML. */
export function wantsYaml(accept: string | undefined): boolean {
  return accept?.includes(YAML) === true && parseAccept(accept).find((range) => range.type === YAML || isJson(range))?.type === YAML;
}

/** Which aggregated discovery version the client takes; undefined: the legacy documents; null: only ones that are not served. */
export function negotiateDiscovery(accept: string | undefined): 'v2' | undefined | null {
  const ranges = parseAccept(accept ?? '');
  for (const range of ranges) {
    if (!isJson(range)) continue;
    const { as, g, v } = range.parameters;
    if (as === undefined) return undefined;
    if (g === 'apidiscovery.k8s.io' && as === 'APIGroupDiscoveryList' && v === 'v2') return v;
  }
  return ranges.length === 0 ? undefined : null;
}
