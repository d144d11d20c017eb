/** A hostile request as bytes, and how its bytes are put together. */
export interface HostileCase {
  readonly name: string;
  readonly bytes: string;
  /** Status of the first answer. 200 means that the application answered. */
  readonly verdict: number;
  /** What the application must have seen, when it answers. */
  readonly seen?: string;
  readonly envoy?: number;
}

export const head = (first: string, ...lines: string[]) => `${[first, ...lines].join('\r\n')}\r\n\r\n`;
export const get = (target: string, ...lines: string[]) => head(`GET ${target} HTTP/1.1`, 'Host: a', ...lines);
export const post = (...lines: string[]) => head('POST / HTTP/1.1', 'Host: a', ...lines);

export const chunked = (body: string, ...lines: string[]) => `${post('Transfer-Encoding: chunked', ...lines)}${body}`;
