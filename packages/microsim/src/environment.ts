/** Environment variables of both programs: names, defaults and readings of the original; a bad value ends the program at its start. */
import { Float, type PythonValue } from './python-text.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export class ConfigurationError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConfigurationError';
  }
}

interface CommonConfig {
  readonly statsPort: number | undefined;
  readonly statsdHost: string | undefined;
  readonly statsdPort: number;
  /** 0 = never. */
  readonly stopSeconds: number;
  /** `stopSeconds` with the random padding of STOP_PADDING. */
  readonly totalStopSeconds: number;
  /** As shown in the statistics document. */
  readonly shown: { readonly [key: string]: PythonValue };
}

export interface ServerConfig extends CommonConfig {
  readonly listenPort: number;
  readonly respondBytes: number;
}

export interface ClientConfig extends CommonConfig {
  readonly urls: readonly string[];
  readonly attacks: readonly AttackKind[];
  readonly isInternetEnabled: boolean;
  readonly waitSeconds: number;
  readonly requestBytes: number;
  readonly requestProbability: number;
  readonly egressProbability: number;
  readonly attackProbability: number;
}

export type AttackKind = 'SQLi' | 'XSS' | 'Directory Traversal' | 'DGA' | 'Malware';

/** @param random uniform in [0, 1), for STOP_PADDING */
export function readServerConfig(env: Environment, random: () => number): ServerConfig {
  const listenPort = port(env, 'LISTEN_PORT', 8080);
  const respondBytes = whole(env, 'RESPOND_BYTES', 16384);
  const common = readCommon(env, random);
  const { STOP_SECONDS, STOP_PADDING, TOTAL_STOP_SECONDS, ...statistics } = common.shown;
  const shown = {
    LISTEN_PORT: listenPort,
    ...statistics,
    RESPOND_BYTES: respondBytes,
    ...pick({ STOP_SECONDS, STOP_PADDING, TOTAL_STOP_SECONDS }),
  };
  return { ...common, listenPort, respondBytes, shown };
}

/** @param random uniform in [0, 1), for STOP_PADDING */
export function readClientConfig(env: Environment, random: () => number): ClientConfig {
  const urls = readUrls(env['REQUEST_URLS']);
  const flags = {
    REQUEST_INTERNET: flag(env, 'REQUEST_INTERNET'),
    REQUEST_MALWARE: flag(env, 'REQUEST_MALWARE'),
    SEND_SQLI: flag(env, 'SEND_SQLI'),
    SEND_DIR_TRAVERSAL: flag(env, 'SEND_DIR_TRAVERSAL'),
    SEND_XSS: flag(env, 'SEND_XSS'),
    SEND_DGA: flag(env, 'SEND_DGA'),
  };
  const kinds: [AttackKind, boolean][] = [
    ['SQLi', flags.SEND_SQLI],
    ['XSS', flags.SEND_XSS],
    ['Directory Traversal', flags.SEND_DIR_TRAVERSAL],
    ['DGA', flags.SEND_DGA],
    ['Malware', flags.REQUEST_MALWARE],
  ];
  const waitSeconds = real(env, 'REQUEST_WAIT_SECONDS', 1);
  const requestBytes = whole(env, 'REQUEST_BYTES', 1024);
  const requestProbability = real(env, 'REQUEST_PROBABILITY', 1);
  const egressProbability = real(env, 'EGRESS_PROBABILITY', 0.1);
  const attackProbability = real(env, 'ATTACK_PROBABILITY', 0.01);
  const common = readCommon(env, random);
  const { STOP_SECONDS, STOP_PADDING, TOTAL_STOP_SECONDS, ...statistics } = common.shown;
  const shown = {
    ...statistics,
    REQUEST_URLS: env['REQUEST_URLS']!,
    ...flags,
    REQUEST_WAIT_SECONDS: new Float(waitSeconds),
    REQUEST_BYTES: requestBytes,
    ...pick({ STOP_SECONDS, STOP_PADDING, TOTAL_STOP_SECONDS }),
    REQUEST_PROBABILITY: new Float(requestProbability),
    EGRESS_PROBABILITY: new Float(egressProbability),
    ATTACK_PROBABILITY: new Float(attackProbability),
  };
  return {
    ...common,
    urls,
    attacks: kinds.filter(([, isEnabled]) => isEnabled).map(([kind]) => kind),
    isInternetEnabled: flags.REQUEST_INTERNET,
    waitSeconds,
    requestBytes,
    requestProbability,
    egressProbability,
    attackProbability,
    shown,
  };
}

function readCommon(env: Environment, random: () => number): CommonConfig {
  const statsPort = env['STATS_PORT'] ? port(env, 'STATS_PORT', 0) : undefined;
  const statsdHost = env['STATSD_HOST'] || undefined;
  const statsdPort = port(env, 'STATSD_PORT', 8125);
  const stopSeconds = whole(env, 'STOP_SECONDS', 0);
  const isPadded = flag(env, 'STOP_PADDING');
  const totalStopSeconds = stopSeconds + (isPadded ? Math.floor(random() * stopSeconds) : 0);
  const shown = {
    STATS_PORT: statsPort ?? null,
    STATSD_HOST: statsdHost ?? null,
    STATSD_PORT: statsdPort,
    STOP_SECONDS: stopSeconds,
    STOP_PADDING: isPadded,
    TOTAL_STOP_SECONDS: totalStopSeconds,
  };
  return { statsPort, statsdHost, statsdPort, stopSeconds, totalStopSeconds, shown };
}

function pick(members: Record<string, PythonValue | undefined>): Record<string, PythonValue> {
  return members as Record<string, PythonValue>;
}

/** Any non-empty value but "false" in any case is true, so "0" is true: as in the original. */
function flag(env: Environment, name: string): boolean {
  const value = env[name];
  return value !== undefined && value !== '' && value.toLowerCase() !== 'false';
}

function whole(env: Environment, name: string, fallback: number): number {
  const text = env[name];
  if (text === undefined) return fallback;
  const value = /^\s*\+?\d+\s*$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new ConfigurationError(`Cannot use ${name}="${text}": expected a whole number, 0 or more`);
  return value;
}

function port(env: Environment, name: string, fallback: number): number {
  const value = whole(env, name, fallback);
  if (value < 1 || value > 65535) throw new ConfigurationError(`Cannot use ${name}="${env[name]}": expected a port, 1 to 65535`);
  return value;
}

function real(env: Environment, name: string, fallback: number): number {
  const text = env[name];
  if (text === undefined) return fallback;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!Number.isFinite(value) || value < 0) throw new ConfigurationError(`Cannot use ${name}="${text}": expected a number, 0 or more`);
  return value;
}

function readUrls(text: string | undefined): string[] {
  if (!text) throw new ConfigurationError('REQUEST_URLS is missing: set it to one or more http:// URLs, separated by commas');
  return text.split(',').map((part) => {
    const url = URL.parse(part.trim());
    if (url?.protocol !== 'http:')
      throw new ConfigurationError(`Cannot use "${part}" of REQUEST_URLS: expected a URL such as http://db:8080/`);
    return part.trim();
  });
}
