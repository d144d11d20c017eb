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
      /** What follows the subresource (`proxy/a/b`); refused where there is nothing to take it. */
      readonly rest: string;
    };

/** Subresources of the namespace object itself; any other third part is a resource inside the namespace. */
const NAMESPACE_SUBRESOURCES = new Set(['status', 'finalize']);

/** @param pathname without query; percent-encoded parts are decoded. An undecodable path is no resource. */
export function parseRequestPath(pathname: string): RequestInfo {
  let parts: string[];
  try {
    parts = pathname
      .split('/')
      .filter((part) => part !== '')
      .map(decodeURIComponent);
  } catch {
    return { isResource: false, path: pathname };
  }
  const none = { isResource: false, path: pathname } as const;
  let group: string;
  let version: string;
  let rest: string[];
  if (parts[0] === 'api' && parts.length >= 3) {
    [group, version, rest] = ['', parts[1]!, parts.slice(2)];
  } else if (parts[0] === 'apis' && parts.length >= 4) {
    [group, version, rest] = [parts[1]!, parts[2]!, parts.slice(3)];
  } else return none;
  let namespace = '';
  if (rest[0] === 'namespaces' && rest.length >= 2) {
    if (rest.length >= 3 && !(group === '' && NAMESPACE_SUBRESOURCES.has(rest[2]!))) {
      namespace = rest[1]!;
      rest = rest.slice(2);
    }
  }
  const [resource = '', name = '', subresource = '', ...tail] = rest;
  return { isResource: true, path: pathname, group, version, resource, namespace, name, subresource, rest: tail.join('/') };
}
