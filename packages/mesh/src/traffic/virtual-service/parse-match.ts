/** `match` of HTTP and TCP routes. */
import { notYet, readFields, readFlag, readLabels, readList, readMap, readOptional, readString, refuse } from '../../resources/read.ts';
import { checkExpression } from '../../resources/regular-expression.ts';
import type { HttpMatch, SourceMatch, StringMatch } from './model.ts';
import { isLabel, qualifyGateways, readPort } from './parse-names.ts';

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
  ...sourceFields,
];

export function readHttpMatch(value: unknown, field: string, namespace: string): HttpMatch {
  const match = readFields(value, field, httpFields, notYet('statPrefix')) ?? refuse(field, 'missing');
  const text = (name: 'uri' | 'scheme' | 'method' | 'authority') => {
    const read = readStringMatch(match[name], `${field}.${name}`);
    return read === undefined ? {} : { [name]: read };
  };
  const ignoreCase = readFlag(match['ignoreUriCase'], `${field}.ignoreUriCase`);
  const uri = text('uri');
  if (ignoreCase && uri.uri?.kind === 'regex') refuse(`${field}.ignoreUriCase`, 'has no meaning beside uri.regex: write "(?i)" there');
  return {
    ...readSource(match, field, namespace),
    name: readOptional(match['name'], `${field}.name`) ?? '',
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
  const match = readFields(value, field, sourceFields, notYet('destinationSubnets', 'sourceSubnet')) ?? refuse(field, 'missing');
  return readSource(match, field, namespace);
}

function readSource(match: Readonly<Record<string, unknown>>, field: string, namespace: string): SourceMatch {
  const { port, sourceNamespace, gateways } = match;
  return {
    ...(port === undefined ? {} : { port: readPort(port, `${field}.port`) }),
    sourceLabels: readLabels(match['sourceLabels'], `${field}.sourceLabels`),
    ...(sourceNamespace === undefined ? {} : { sourceNamespace: readNamespace(sourceNamespace, `${field}.sourceNamespace`) }),
    ...(gateways === undefined
      ? {}
      : { gateways: qualifyGateways(readList(gateways, `${field}.gateways`), `${field}.gateways`, namespace) }),
  };
}

function readNamespace(value: unknown, field: string): string {
  const name = readString(value, field);
  return isLabel(name) ? name : refuse(field, `"${name}" is no namespace`);
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
  return new Map(
    readMap(value, field).map(([name, match]) => {
      if (isHeader && !/^:?[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) refuse(`${field}[${name}]`, 'expected the name of a header');
      const isEmpty = match === null || (typeof match === 'object' && !Array.isArray(match) && Object.keys(match).length === 0);
      return [isHeader ? name.toLowerCase() : name, isEmpty ? undefined : readStringMatch(match, `${field}[${name}]`)];
    }),
  );
}
