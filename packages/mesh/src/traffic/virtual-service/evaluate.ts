/** What the HTTP routes of a VirtualService do with one request, read from the checked form that they are compiled from. */
import { compileExpression, compileSearch } from '../../resources/regular-expression.ts';
import type { Candidate } from './candidates.ts';
import type { HeaderChanges, HttpAction, HttpMatch, StringMatch } from './model.ts';

export interface RoutedRequest {
  readonly method: string;
  readonly authority: string;
  /** Normalised, without query and fragment. */
  readonly path: string;
  /** Without its question mark. */
  readonly query: string;
  /** By lower-case name; every value of a repeated header by itself. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
}

/** The first that fits, as proxies choose; undefined = none does. */
export function chooseCandidate(candidates: readonly Candidate[], request: RoutedRequest): Candidate | undefined {
  return candidates.find(({ match }) => match === undefined || fitsRequest(match, request));
}

function fitsRequest(match: HttpMatch, request: RoutedRequest): boolean {
  const parameters = readQuery(request.query);
  return (
    fitsPath(match, request.path) &&
    fits(match.method, request.method) &&
    fits(match.authority, request.authority) &&
    [...match.headers].every(([name, wanted]) => {
      const value = headerOf(request, name);
      return value !== undefined && fits(wanted, value);
    }) &&
    [...match.withoutHeaders].every(([name, wanted]) => {
      const value = headerOf(request, name);
      // One that is missing counts as empty where a value is asked about.
      return wanted === undefined ? value === undefined : !fits(wanted, value ?? '');
    }) &&
    [...match.queryParams].every(([name, wanted]) => parameters.has(name) && fits(wanted, parameters.get(name)!))
  );
}

/** As written, nothing decoded; of a repeated parameter the first. */
function readQuery(query: string): Map<string, string> {
  const pairs = query.split('&').map((pair) => /^([^=]*)=?(.*)$/s.exec(pair)!);
  return new Map(pairs.reverse().map(([, name, value]) => [name!, value!]));
}

function fitsPath({ uri, isUriCaseIgnored }: HttpMatch, path: string): boolean {
  if (uri === undefined || !isUriCaseIgnored) return fits(uri, path);
  return fits({ ...uri, value: uri.value.toLowerCase() }, path.toLowerCase());
}

const pseudoHeaders: Readonly<Record<string, 'method' | 'authority'>> = {
  ':method': 'method',
  ':authority': 'authority',
  host: 'authority',
};

/** Values of a repeated header count as one, joined by commas (Envoy's route matching). */
function headerOf(request: RoutedRequest, name: string): string | undefined {
  const pseudo = pseudoHeaders[name];
  return pseudo === undefined ? request.headers.get(name)?.join(',') : request[pseudo];
}

function fits(wanted: StringMatch | undefined, found: string): boolean {
  if (wanted === undefined) return true;
  switch (wanted.kind) {
    case 'exact':
      return wanted.value === found;
    case 'prefix':
      return found.startsWith(wanted.value);
    case 'regex':
      return compileExpression(wanted.value).test(found);
    default:
      return wanted.kind satisfies never;
  }
}

type Forward = Extract<HttpAction, { kind: 'forward' }>;

/** The request as it leaves the proxy: rewritten, its headers changed by the destination and then by the route. */
export function rewriteRequest(
  request: RoutedRequest,
  { rewrite }: Forward,
  match: HttpMatch | undefined,
  changes: readonly HeaderChanges[],
): RoutedRequest {
  return {
    ...request,
    authority: rewrite?.authority ?? request.authority,
    path: rewritePath(request.path, rewrite, match?.uri),
    headers: changes.reduce(changeHeaders, request.headers),
  };
}

function rewritePath(path: string, rewrite: Forward['rewrite'], uri: StringMatch | undefined): string {
  if (rewrite?.pattern !== undefined) {
    const { match, rewrite: substitution } = rewrite.pattern;
    // RE2 writes groups as `\1`, and `\0` for everything.
    const written = substitution.replaceAll('$', '$$$$').replaceAll(/\\(\d)/g, (_, group: string) => (group === '0' ? '$&' : `$${group}`));
    return path.replaceAll(compileSearch(match), written);
  }
  if (rewrite?.uri === undefined) return path;
  // What was matched is what is replaced: the whole of an exact path, "/" where nothing was asked.
  const matched = uri === undefined ? '/' : uri.value;
  return rewrite.uri + path.slice(matched.length);
}

function changeHeaders(given: ReadonlyMap<string, readonly string[]>, { set, add, remove }: HeaderChanges) {
  const headers = new Map(given);
  for (const name of remove) headers.delete(name.toLowerCase());
  const plain = (value: string) => value.replaceAll('%%', '%');
  for (const [name, value] of set) headers.set(name.toLowerCase(), [plain(value)]);
  for (const [name, value] of add) headers.set(name.toLowerCase(), [...(headers.get(name.toLowerCase()) ?? []), plain(value)]);
  return headers;
}
