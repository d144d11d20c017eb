/** `extensionProviders` of MeshConfig that decide requests: `envoyExtAuthzHttp` and `envoyExtAuthzGrpc`. */
import { MeshError } from '../mesh-error.ts';
import { readFields, readList, readString, readStrings, refuse } from './read.ts';

export interface ExtensionProvider {
  readonly name: string;
  readonly protocol: 'http' | 'grpc';
  /** Host of a service of the registry. */
  readonly host: string;
  readonly port: number;
  readonly timeoutSeconds: number;
  /** Lets requests through while the provider cannot be asked. */
  readonly isFailOpen: boolean;
  /** Answered while it cannot be asked and is not open; absent = 403. */
  readonly statusOnError?: number;
  readonly requestBody?: { readonly maxBytes: number; readonly allowsPartial: boolean; readonly packAsBytes: boolean };
  /** HTTP only. */
  readonly pathPrefix?: string;
  readonly requestHeaders: readonly string[];
  readonly additionalHeaders: Readonly<Record<string, string>>;
  readonly upstreamHeadersOnAllow: readonly string[];
  readonly downstreamHeadersOnDeny: readonly string[];
  readonly downstreamHeadersOnAllow: readonly string[];
}

/** A provider that cannot be asked denies what its policies select, and says why. */
export type ProviderState = { readonly ok: true; readonly provider: ExtensionProvider } | { readonly ok: false; readonly problem: string };

/** @returns the service's host name when it exists, in that namespace when one is given */
export type FindService = (host: string, namespace: string | undefined) => string | undefined;

const kinds = { envoyExtAuthzHttp: 'http', envoyExtAuthzGrpc: 'grpc' } as const;
/** Istio's "no limit of our own". */
const defaultTimeoutSeconds = 600;

export function readExtensionProviders(value: unknown, field: string, findService: FindService): Map<string, ProviderState> {
  const states = new Map<string, ProviderState>();
  for (const [index, item] of (readList(value, field) ?? []).entries()) {
    const where = `${field}[${index}]`;
    const provider = item as Readonly<Record<string, unknown>> | null;
    const name = readString(provider?.['name'], `${where}.name`);
    const kind = (Object.keys(kinds) as (keyof typeof kinds)[]).find((candidate) => provider?.[candidate] !== undefined);
    // Tracing, metrics and log providers decide nothing.
    if (kind === undefined) continue;
    if (states.has(name)) refuse(`${where}.name`, `"${name}" names two providers`);
    states.set(name, readState(name, kinds[kind], provider?.[kind], `${where}.${kind}`, findService));
  }
  return states;
}

function readState(name: string, protocol: 'http' | 'grpc', value: unknown, field: string, findService: FindService): ProviderState {
  try {
    return { ok: true, provider: readProvider(name, protocol, value, field, findService) };
  } catch (error) {
    if (error instanceof MeshError) return { ok: false, problem: error.message };
    throw error;
  }
}

const common = ['service', 'port', 'timeout', 'failOpen', 'clearRouteCache', 'statusOnError', 'includeRequestBodyInCheck'];
const httpOnly = [
  'pathPrefix',
  'includeHeadersInCheck',
  'includeRequestHeadersInCheck',
  'includeAdditionalHeadersInCheck',
  'headersToUpstreamOnAllow',
  'headersToDownstreamOnDeny',
  'headersToDownstreamOnAllow',
];

function readProvider(name: string, protocol: 'http' | 'grpc', value: unknown, field: string, findService: FindService): ExtensionProvider {
  const known = protocol === 'http' ? [...common, ...httpOnly] : common;
  const fields = readFields(value, field, known) ?? refuse(field, 'missing');
  const [host, namespace] = readString(fields['service'], `${field}.service`).split('/').reverse() as [string, string?];
  const found = findService(host, namespace) ?? refuse(`${field}.service`, `no service "${fields['service']}" is known`);
  const body = readFields(fields['includeRequestBodyInCheck'], `${field}.includeRequestBodyInCheck`, [
    'maxRequestBytes',
    'allowPartialMessage',
    'packAsBytes',
  ]);
  const status = readStatus(fields['statusOnError'], `${field}.statusOnError`);
  const pathPrefix = fields['pathPrefix'] === undefined ? undefined : readString(fields['pathPrefix'], `${field}.pathPrefix`);
  if (pathPrefix !== undefined && !pathPrefix.startsWith('/')) refuse(`${field}.pathPrefix`, `"${pathPrefix}" does not begin with "/"`);
  const requestHeaders = readStrings(fields['includeRequestHeadersInCheck'], `${field}.includeRequestHeadersInCheck`);
  const additional = (fields['includeAdditionalHeadersInCheck'] ?? {}) as Readonly<Record<string, unknown>>;
  return {
    name,
    protocol,
    host: found,
    port: readWhole(fields['port'], `${field}.port`, 1, 65_535),
    timeoutSeconds: readDuration(fields['timeout'], `${field}.timeout`),
    isFailOpen: fields['failOpen'] === true,
    ...(status === undefined ? {} : { statusOnError: status }),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            maxBytes: readWhole(body['maxRequestBytes'], `${field}.includeRequestBodyInCheck.maxRequestBytes`, 1, 2 ** 32 - 1),
            allowsPartial: body['allowPartialMessage'] === true,
            packAsBytes: body['packAsBytes'] === true,
          },
        }),
    ...(pathPrefix === undefined ? {} : { pathPrefix }),
    requestHeaders:
      requestHeaders.length > 0 ? requestHeaders : readStrings(fields['includeHeadersInCheck'], `${field}.includeHeadersInCheck`),
    additionalHeaders: Object.fromEntries(
      Object.entries(additional).map(([header, text]) => [header, readString(text, `${field}.includeAdditionalHeadersInCheck[${header}]`)]),
    ),
    upstreamHeadersOnAllow: readStrings(fields['headersToUpstreamOnAllow'], `${field}.headersToUpstreamOnAllow`),
    downstreamHeadersOnDeny: readStrings(fields['headersToDownstreamOnDeny'], `${field}.headersToDownstreamOnDeny`),
    downstreamHeadersOnAllow: readStrings(fields['headersToDownstreamOnAllow'], `${field}.headersToDownstreamOnAllow`),
  };
}

function readWhole(value: unknown, field: string, low: number, high: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high) return value;
  return refuse(field, `found ${JSON.stringify(value)}, expected a whole number, ${low} to ${high}`);
}

function readStatus(value: unknown, field: string): number | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  const status = Number(value);
  return Number.isInteger(status) && status >= 200 && status <= 511
    ? status
    : refuse(field, `found ${JSON.stringify(value)}, expected an HTTP status`);
}

/** protobuf JSON: `0.002s`. */
function readDuration(value: unknown, field: string): number {
  if (value === undefined || value === null) return defaultTimeoutSeconds;
  const seconds = /^(\d{1,9}(?:\.\d{1,9})?)s$/.exec(String(value))?.[1];
  return seconds !== undefined && Number(seconds) > 0
    ? Number(seconds)
    : refuse(field, `found ${JSON.stringify(value)}, expected a duration such as "0.5s"`);
}
