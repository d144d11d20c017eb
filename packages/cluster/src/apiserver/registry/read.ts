import { badRequest, expired, notFound, resourceVersionTooLarge } from '@palisade/kubernetes';
import type { Core, Scope, Selection } from '../core.ts';
import { jsonFault } from '../http/go-words.ts';
import type { Entry } from '../store/entry.ts';
import { fromStored } from './catalog.ts';
import { compileSelection } from './selection.ts';

export interface ListRequest extends Selection {
  /** 0 or absent: everything. */
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: string;
}

export interface ListAnswer {
  readonly entries: readonly Entry[];
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

/** Where a paged list goes on: after `after`, in the state of version `rv`. */
interface ContinueToken {
  readonly rv: number;
  readonly after: string;
}

/** @param resourceVersion the oldest that will do; empty or 0: any */
export async function getObject(core: Core, scope: Scope, resourceVersion = ''): Promise<Entry> {
  await core.store.settled();
  const oldest = resourceVersion === '' ? 0 : parseVersion(resourceVersion);
  if (oldest > core.store.revision) throw resourceVersionTooLarge(oldest, core.store.revision);
  const entry = core.store.get(scope.resource.storeType, scope.namespace, scope.name);
  if (entry === undefined) throw notFound(scope.resource.gvr, scope.name);
  return fromStored(scope.resource, entry);
}

/** @throws StatusError 400 (selectors, token), 410 Expired (old token or version), 504 (version from the future) */
export async function listObjects(core: Core, scope: Scope, request: ListRequest): Promise<ListAnswer> {
  await core.store.settled();
  const { resource, namespace } = scope;
  const { filter, name } = compileSelection(resource, request);
  const now = core.store.revision;
  const token = request.continue ? parseToken(request.continue) : undefined;
  if (token !== undefined && request.resourceVersion && request.resourceVersion !== '0')
    throw badRequest('specifying resource version is not allowed when using continue');
  const exact = token?.rv ?? exactVersion(request, now);
  let entries: readonly Entry[];
  if (exact === undefined || exact === now) {
    entries =
      name === undefined || namespace === ''
        ? core.store.list(resource.storeType, namespace)
        : one(core.store.get(resource.storeType, namespace, name));
  } else {
    const past = core.store.listAt(resource.storeType, namespace, exact);
    if (past === undefined) throw tooOld(token, exact, now);
    entries = past;
  }
  if (filter !== undefined) entries = entries.filter((entry) => filter(entry.object));
  if (token !== undefined) {
    const from = entries.findIndex((entry) => entry.key > token.after);
    entries = from < 0 ? [] : entries.slice(from);
  }
  const version = exact ?? now;
  const limit = request.limit ?? 0;
  const page = limit > 0 && entries.length > limit ? entries.slice(0, limit) : entries;
  const rest = entries.length - page.length;
  return {
    entries: resource.conversion === undefined ? page : page.map((entry) => fromStored(resource, entry)),
    resourceVersion: String(version),
    ...(rest > 0 ? { continue: formatToken({ rv: version, after: page.at(-1)!.key }) } : {}),
    // With a selector the real server does not know the count.
    ...(rest > 0 && filter === undefined ? { remainingItemCount: rest } : {}),
  };
}

function one(entry: Entry | undefined): readonly Entry[] {
  return entry === undefined ? [] : [entry];
}

/** The version a list must show exactly; undefined: the newest will do. */
function exactVersion(request: ListRequest, now: number): number | undefined {
  const { resourceVersion, resourceVersionMatch: match } = request;
  if (resourceVersion === undefined || resourceVersion === '' || resourceVersion === '0') return undefined;
  const version = parseVersion(resourceVersion);
  if (version > now) throw resourceVersionTooLarge(version, now);
  return match === 'Exact' ? version : undefined;
}

/** @throws StatusError 400 */
export function parseVersion(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw badRequest(`invalid resource version: ${versionFault(text)}`);
  return Number(text);
}

/** What is wrong with the text of a version. */
export function versionFault(text: string): string {
  return `resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`;
}

function formatToken({ rv, after }: ContinueToken): string {
  return Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv, start: `${after}\0` })).toString('base64url');
}

function parseToken(text: string): ContinueToken {
  const bytes = Buffer.from(text, 'base64url');
  try {
    const { v, rv, start } = JSON.parse(bytes.toString()) as { v: string; rv: number; start: string };
    if (v === 'meta.k8s.io/v1' && Number.isSafeInteger(rv) && typeof start === 'string') return { rv, after: start.replace(/\0$/, '') };
  } catch {
    throw badRequest(`invalid continue token: continue key is not valid: ${jsonFault(bytes.toString('latin1'))}`);
  }
  throw badRequest('invalid continue token: continue key is not valid: the token was not made by this server');
}

function tooOld(token: ContinueToken | undefined, rv: number, now: number): Error {
  if (token === undefined) return expired(`The resourceVersion for the provided list is too old: ${rv} (${now})`);
  const error = expired(
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
  );
  error.status.metadata = { continue: formatToken({ rv: now, after: token.after }) };
  return error;
}
