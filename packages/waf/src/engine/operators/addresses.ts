import { isInNetwork, parseIp, parseNetwork } from '../match/ip.ts';
import { parsePhraseFile } from '../match/phrases.ts';
import type { OperatorFactory, OperatorTest } from './types.ts';

function matchNetworks(items: readonly string[]): OperatorTest {
  const networks = items.map(parseNetwork);
  return (value) => {
    const bytes = parseIp(value.trim());
    return bytes !== undefined && networks.some((network) => isInNetwork(bytes, network));
  };
}

/** Comma-separated addresses and networks; a typo refuses the rule. A value that is no address never matches. */
export const ipMatch: OperatorFactory = (argument) =>
  matchNetworks(
    argument
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  );

export const ipMatchFromFile: OperatorFactory = (argument, environment) =>
  matchNetworks(parsePhraseFile(environment.readDataFile(argument.trim())));

/** Fills GEO. Without a database it never matches, as in ModSecurity; the load report names the rule. */
export const geoLookup: OperatorFactory =
  (_, { geo }) =>
  (value, context) => {
    const fields = geo?.(value);
    if (fields) context.setGeo(fields);
    return fields !== undefined;
  };

/** DNS block lists are not asked: never matches, and the load report names the rule. */
export const rbl: OperatorFactory = () => () => false;
