/** A path as the API reads it (apiserver `request.RequestInfo`). */
export type RequestInfo =
  | { readonly isResource: false; readonly path: string }
  | {
      readonly isResource: true;
      readonly path: string;
      readonly group: string;
      readonly version: string;
      readonly resource: string;
      /** Empty: cluster scope or all namespaces. */
      readonly namespace: string;
      readonly name: string;
      readonly subresource: string;
      /** By the old way to watch: a path below `/watch`. */
      readonly isWatchPath?: boolean;
      /** What follows the subresource (`proxy/a/b`); refused where there is nothing to take it. */
      readonly rest: string;
    };

/** Subresources of the namespace object itself; any other third part is a resource inside the namespace. */
const NAMESPACE_SUBRESOURCES = new Set(['status', 'finalize']);

/** @returns undefined for percent signs that decode to nothing */
export function parseRequestPath(pathname: string): RequestInfo | undefined {
  let decoded: string;
  try {
    decoded = decodeURIComponent(pathname);
  } catch {
    return undefined;
  }
  const parts = decoded.replace(/^\/+|\/+$/g, '').split('/');
  const none = { isResource: false, path: pathname } as const;
  let group: string;
  let version: string;
  let rest: string[];
  if (parts[0] === 'api' && parts.length >= 3) {
    [group, version, rest] = ['', parts[1]!, parts.slice(2)];
  } else if (parts[0] === 'apis' && parts.length >= 4) {
    [group, version, rest] = [parts[1]!, parts[2]!, parts.slice(3)];
  } else return none;
  const isWatchPath = rest[0] === 'watch' && rest.length >= 2;
  if (isWatchPath) rest = rest.slice(1);
  let namespace = '';
  if (rest[0] === 'namespaces' && rest.length >= 2) {
    if (rest.length >= 3 && !(group === '' && NAMESPACE_SUBRESOURCES.has(rest[2]!))) {
      namespace = rest[1]!;
      rest = rest.slice(2);
    }
  }
  const [resource = '', name = '', subresource = '', ...tail] = rest;
  return { isResource: true, path: pathname, group, version, resource, namespace, name, subresource, isWatchPath, rest: tail.join('/') };
}
