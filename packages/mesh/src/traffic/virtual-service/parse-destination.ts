/** Where a route leads, and how much of it. */
import { readFields, readOptional, readString, refuse } from '../../resources/read.ts';
import { qualifyHost } from '../destination-rule.ts';
import type { Destination } from './model.ts';
import { checkHost, isLabel, readPort } from './parse-names.ts';

export interface Place {
  readonly namespace: string;
  readonly clusterDomain: string;
}

export function readDestination(value: unknown, field: string, { namespace, clusterDomain }: Place): Destination {
  const destination = readFields(value, field, ['host', 'subset', 'port']) ?? refuse(field, 'missing');
  const port = readFields(destination['port'], `${field}.port`, ['number']);
  const host = checkHost(readString(destination['host'], `${field}.host`), `${field}.host`);
  if (host.startsWith('*')) refuse(`${field}.host`, `"${host}": expected one host`);
  const subset = readOptional(destination['subset'], `${field}.subset`) ?? '';
  if (subset !== '' && !isLabel(subset)) refuse(`${field}.subset`, `"${subset}": expected letters, digits and "-"`);
  return {
    host: qualifyHost(host, namespace, clusterDomain),
    subset,
    ...(port === undefined ? {} : { port: readPort(port['number'], `${field}.port.number`) }),
  };
}

export function readWeight(value: unknown, field: string): number {
  if (value === undefined || value === null) return 0;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 4_000_000) return value;
  return refuse(`${field}.weight`, `found ${JSON.stringify(value)}, expected a whole number, 0 or more`);
}

/** One destination takes everything, whatever its weight says. */
export function checkWeights<T extends { readonly weight: number }>(destinations: readonly T[], field: string): T[] {
  if (destinations.length === 0) refuse(field, 'missing: expected at least one destination');
  if (destinations.length === 1) return [{ ...destinations[0]!, weight: 1 }];
  const weighted = destinations.filter(({ weight }) => weight > 0);
  if (weighted.length === 0) refuse(field, 'all weights are 0: nothing could be sent anywhere');
  return weighted;
}
