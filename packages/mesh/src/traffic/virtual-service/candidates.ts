/** What of a VirtualService a proxy at one place has: compiled for it, and asked when its choice is explained. */
import { schemeFits } from './compile-match.ts';
import type { HttpMatch, HttpRoute, VirtualService } from './model.ts';
import { fitsPlace, type RoutingPlace } from './select.ts';

/** One condition of a route; a route with several is as many candidates. */
export interface Candidate {
  readonly owner: VirtualService;
  readonly place: RoutingPlace;
  /** Of `http`. */
  readonly index: number;
  readonly route: HttpRoute;
  /** Absent = every request. */
  readonly match: HttpMatch | undefined;
}

/** In the order written; what follows one that takes everything can never be reached and is left out. */
export function candidatesOf(owner: VirtualService, place: RoutingPlace): Candidate[] {
  const found: Candidate[] = [];
  for (const [index, route] of owner.http.entries()) {
    const here = route.matches.filter((match) => fitsPlace(match, owner, place) && schemeFits(match.scheme, place.scheme));
    for (const match of route.matches.length === 0 ? [undefined] : here) {
      const candidate = { owner, place, index, route, match };
      found.push(candidate);
      if (takesEverything(candidate)) return found;
    }
  }
  return found;
}

export function takesEverything({ match }: Candidate): boolean {
  if (match === undefined) return true;
  const { uri, method, authority, headers, withoutHeaders, queryParams } = match;
  const isEveryPath = uri === undefined || (uri.kind === 'prefix' && uri.value === '/');
  return isEveryPath && method === undefined && authority === undefined && headers.size + withoutHeaders.size + queryParams.size === 0;
}
