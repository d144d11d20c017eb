/** `match` of HTTP and TCP routes. */
import { readFields, readList, readString, refuse } from '../../resources/read.ts';
import { checkExpression } from '../../resources/regular-expression.ts';
import type { HttpMatch, SourceMatch, StringMatch } from './model.ts';
import { qualifyGateways, readPort } from './parse-names.ts';

const sourceFields = ['port', 'sourceLabels', 'sourceNamespace', 'gateways'];
const httpFields = [
  'name',
  'uri',
  'ignoreUriCase',
  'scheme',
  'method',
  'authority',
  'headers',
  'withoutHeaders',
  'queryParams',
  'statPrefix',
  ...sourceFields,
];

export function readHttpMatch(value: unknown, field: string, namespace: string): HttpMatch {
  const match = readFields(value, field, httpFields) ?? refuse(field, 'missing');
  if (match['statPrefix'] !== undefined) refuse(`${field}.statPrefix`, 'not yet supported');
  const text = (name: 'uri' | 'scheme' | 'method' | 'authority') => {
    const read = readStringMatch(match[name], `${field}.${name}`);
    return read === undefined ? {} : { [name]: read };
  };
  const ignoreCase = match['ignoreUriCase'] ?? false;
  if (typeof ignoreCase !== 'boolean') refuse(`${field}.ignoreUriCase`, 'expected true or false');
  const uri = text('uri');
  if (ignoreCase && uri.uri?.kind === 'regex') refuse(`${field}.ignoreUriCase`, 'has no meaning beside uri.regex: write "(?i)" there');
  return {
    ...readSource(match, field, namespace),
    ...uri,
    ...text('scheme'),
    ...text('method'),
    ...text('authority'),
    isUriCaseIgnored: ignoreCase,
    headers: readNamed(match['headers'], `${field}.headers`, true),
    withoutHeaders: readNamed(match['withoutHeaders'], `${field}.withoutHeaders`, true),
    queryParams: readNamed(match['queryParams'], `${field}.queryParams`, false),
  };
}

export function readTcpMatch(value: unknown, field: string, namespace: string): SourceMatch {
  const match = readFields(value, field, ['destinationSubnets', 'sourceSubnet', ...sourceFields]) ?? refuse(field, 'missing');
  for (const name of ['destinationSubnets', 'sourceSubnet']) {
    if (match[name] !== undefined) refuse(`${field}.${name}`, 'not yet supported');
  }
  return readSource(match, field, namespace);
}

function readSource(match: Readonly<Record<string, unknown>>, field: string, namespace: string): SourceMatch {
  const labels = Object.entries((match['sourceLabels'] ?? {}) as Readonly<Record<string, unknown>>);
  const { port, sourceNamespace, gateways } = match;
  return {
    ...(port === undefined ? {} : { port: readPort(port, `${field}.port`) }),
    sourceLabels: Object.fromEntries(labels.map(([key, text]) => [key, readString(text, `${field}.sourceLabels[${key}]`)])),
    ...(sourceNamespace === undefined ? {} : { sourceNamespace: readString(sourceNamespace, `${field}.sourceNamespace`) }),
    ...(gateways === undefined
      ? {}
      : { gateways: qualifyGateways(readList(gateways, `${field}.gateways`), `${field}.gateways`, namespace) }),
  };
}

function readStringMatch(value: unknown, field: string): StringMatch | undefined {
  const match = readFields(value, field, ['exact', 'prefix', 'regex']);
  if (match === undefined) return undefined;
  const given = Object.entries(match);
  const [kind, text] = given[0] ?? [];
  if (given.length !== 1) refuse(field, `found ${given.length} of exact, prefix and regex, expected one`);
  const checked = readString(text, `${field}.${kind}`);
  if (kind === 'regex') checkExpression(checked, `${field}.regex`);
  return { kind: kind as StringMatch['kind'], value: checked };
}

/** An empty object, or Istio's `exact: ""` of old, asks for presence. */
function readNamed(value: unknown, field: string, isHeader: boolean): Map<string, StringMatch | undefined> {
  const entries = readFields(value, field, Object.keys((value as object | null | undefined) ?? {})) ?? {};
  return new Map(
    Object.entries(entries).map(([name, match]) => {
      if (isHeader && !/^:?[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) refuse(`${field}[${name}]`, 'expected the name of a header');
      const isEmpty = match === null || (typeof match === 'object' && Object.keys(match).length === 0);
      return [isHeader ? name.toLowerCase() : name, isEmpty ? undefined : readStringMatch(match, `${field}[${name}]`)];
    }),
  );
}
