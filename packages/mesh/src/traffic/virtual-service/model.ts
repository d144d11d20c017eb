/** A checked VirtualService: every host is fully qualified, everything in it is served. */

export interface VirtualService {
  readonly namespace: string;
  readonly name: string;
  /** Unix seconds: of two for one host the older counts. */
  readonly createdSeconds: number;
  /** Lower case; may begin with `*.` or be `*`. */
  readonly hosts: readonly string[];
  /** `mesh` = sidecars; others are `NAMESPACE/NAME`. */
  readonly gateways: readonly string[];
  /** `exportTo: ["."]`: clients of its own namespace only. */
  readonly isPrivate: boolean;
  readonly http: readonly HttpRoute[];
  readonly tcp: readonly TcpRoute[];
}

export interface StringMatch {
  readonly kind: 'exact' | 'prefix' | 'regex';
  readonly value: string;
}

/** Who asks and where: decided when the configuration is compiled, not by the proxy. */
export interface SourceMatch {
  readonly port?: number;
  readonly sourceLabels: Readonly<Record<string, string>>;
  readonly sourceNamespace?: string;
  /** Absent = wherever the VirtualService is bound. */
  readonly gateways?: readonly string[];
}

export interface HttpMatch extends SourceMatch {
  /** Added to the route's. */
  readonly name: string;
  readonly uri?: StringMatch;
  readonly isUriCaseIgnored: boolean;
  readonly scheme?: StringMatch;
  readonly method?: StringMatch;
  readonly authority?: StringMatch;
  /** By name in lower case; undefined = present. */
  readonly headers: ReadonlyMap<string, StringMatch | undefined>;
  readonly withoutHeaders: ReadonlyMap<string, StringMatch | undefined>;
  readonly queryParams: ReadonlyMap<string, StringMatch | undefined>;
}

export interface Destination {
  readonly host: string;
  readonly subset: string;
  /** Absent = the service's only port, or the one that was asked for. */
  readonly port?: number;
}

export interface HeaderChanges {
  readonly set: readonly (readonly [string, string])[];
  readonly add: readonly (readonly [string, string])[];
  readonly remove: readonly string[];
}

export interface Headers {
  readonly request: HeaderChanges;
  readonly response: HeaderChanges;
}

export interface HttpDestination {
  readonly destination: Destination;
  readonly weight: number;
  readonly headers: Headers;
}

export type HttpAction =
  | {
      readonly kind: 'forward';
      readonly destinations: readonly HttpDestination[];
      /** 0 = no limit. */
      readonly timeoutMs: number;
      readonly rewrite?: {
        readonly uri?: string;
        readonly authority?: string;
        readonly pattern?: { readonly match: string; readonly rewrite: string };
      };
    }
  | {
      readonly kind: 'redirect';
      readonly status: RedirectStatus;
      readonly uri?: string;
      readonly authority?: string;
      readonly scheme?: string;
      readonly port?: number;
    }
  | { readonly kind: 'answer'; readonly status: number; readonly body: string };

export const redirectStatuses = [301, 302, 303, 307, 308] as const;
export type RedirectStatus = (typeof redirectStatuses)[number];

export interface HttpRoute {
  readonly name: string;
  /** One of them must fit; empty = every request. */
  readonly matches: readonly HttpMatch[];
  readonly action: HttpAction;
  readonly headers: Headers;
}

export interface TcpRoute {
  readonly matches: readonly SourceMatch[];
  readonly destinations: readonly { readonly destination: Destination; readonly weight: number }[];
}
