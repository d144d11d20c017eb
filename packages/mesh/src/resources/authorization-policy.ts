/** The wire object of an AuthorizationPolicy into its checked form (istio.io/api security/v1beta1, Istio's validation). */
import type { KubernetesObject } from '@palisade/kubernetes';
import { parseCidr } from '../authz/cidr.ts';
import { checkPathTemplate, isPathTemplate } from '../authz/path-template.ts';
import {
  type AuthorizationPolicy,
  AuthzAction,
  type Condition,
  negated,
  type Operation,
  operationFields,
  type Rule,
  type Source,
  sourceFields,
  type Values,
} from '../authz/policy.ts';
import { parseConditionKey } from '../authz/terms.ts';
import { readChoice, readFields, readList, readSelector, readString, readStrings, refuse, targetRefs } from './read.ts';

export const dryRunAnnotation = 'istio.io/dry-run';

/** Refuses the whole object with MeshError when anything in it cannot be compiled. */
export function parseAuthorizationPolicy(object: KubernetesObject): AuthorizationPolicy {
  const { name = '', namespace = 'default', annotations = {} } = object.metadata;
  const spec = readFields(object['spec'], 'spec', ['selector', 'rules', 'action', 'provider'], targetRefs) ?? {};
  const action = readChoice(spec['action'], 'spec.action', Object.values(AuthzAction), AuthzAction.allow);
  const provider = readFields(spec['provider'], 'spec.provider', ['name']);
  if (provider !== undefined && action !== AuthzAction.custom) refuse('spec.provider', 'only a policy with action CUSTOM has a provider');
  if (provider === undefined && action === AuthzAction.custom)
    refuse('spec.provider', 'missing: a policy with action CUSTOM names its provider');
  const selector = readSelector(spec['selector'], 'spec.selector');
  const rules = (readList(spec['rules'], 'spec.rules') ?? []).map((rule, index) => readRule(rule, `spec.rules[${index}]`));
  return {
    namespace,
    name,
    action,
    isDryRun: readDryRun(annotations[dryRunAnnotation], action),
    ...(provider === undefined ? {} : { provider: readString(provider['name'], 'spec.provider.name') }),
    ...(selector === undefined ? {} : { selector }),
    rules,
  };
}

function readDryRun(text: string | undefined, action: AuthzAction): boolean {
  const field = `metadata.annotations[${dryRunAnnotation}]`;
  if (text === undefined) return false;
  if (action !== AuthzAction.allow && action !== AuthzAction.deny)
    refuse(field, `a policy with action ${action} cannot be tried: only ALLOW and DENY`);
  // Spelled as Go's strconv.ParseBool takes it.
  if (/^(?:0|[fF]|false|False|FALSE)$/.test(text)) return false;
  return /^(?:1|[tT]|true|True|TRUE)$/.test(text) || refuse(field, `found "${text}", expected "true" or "false"`);
}

function readRule(value: unknown, field: string): Rule | null {
  const rule = readFields(value, field, ['from', 'to', 'when']);
  if (rule === undefined) return null;
  const alternatives = <T>(name: 'from' | 'to', inner: string, read: (value: unknown, field: string) => T): T[] => {
    const list = readList(rule[name], `${field}.${name}`);
    if (list?.length === 0) refuse(`${field}.${name}`, 'an empty list matches nothing and is refused: leave it out to match everything');
    return (list ?? []).map((item, index) => {
      const where = `${field}.${name}[${index}]`;
      return read(readFields(item, where, [inner])?.[inner], `${where}.${inner}`);
    });
  };
  return {
    from: alternatives('from', 'source', readSource),
    to: alternatives('to', 'operation', readOperation),
    when: (readList(rule['when'], `${field}.when`) ?? []).map((condition, index) => readCondition(condition, `${field}.when[${index}]`)),
  };
}

function readSource(value: unknown, field: string): Source {
  const source = readValues(value, field, sourceFields);
  const { serviceAccounts, principals, namespaces } = source;
  const hasAccounts = serviceAccounts.values.length + serviceAccounts.notValues.length > 0;
  const others = [principals, namespaces].some(({ values, notValues }) => values.length + notValues.length > 0);
  if (hasAccounts && others) refuse(`${field}.serviceAccounts`, 'cannot stand beside principals or namespaces');
  for (const name of ['serviceAccounts', 'notServiceAccounts'] as const) {
    const values = name === 'serviceAccounts' ? serviceAccounts.values : serviceAccounts.notValues;
    if (values.length > 16) refuse(`${field}.${name}`, `found ${values.length} values, expected at most 16`);
  }
  return source;
}

function readOperation(value: unknown, field: string): Operation {
  return readValues(value, field, operationFields);
}

function readValues<F extends (typeof sourceFields)[number] | (typeof operationFields)[number]>(
  value: unknown,
  field: string,
  fields: readonly F[],
): Record<F, Values> {
  const object = readFields(
    value,
    field,
    fields.flatMap((name) => [name, negated(name)]),
  );
  if (object === undefined || Object.keys(object).length === 0) refuse(field, `missing or empty: it needs one of ${fields.join(', ')}`);
  const read = (name: string, kind: F) => {
    const list = readStrings(object[name], `${field}.${name}`);
    if (object[name] !== undefined && object[name] !== null && list.length === 0)
      refuse(`${field}.${name}`, 'an empty list is refused: leave the field out');
    for (const [index, text] of list.entries()) checkValue(kind, text, `${field}.${name}[${index}]`);
    return list;
  };
  const entries = fields.map((name) => [name, { values: read(name, name), notValues: read(negated(name), name) }]);
  return Object.fromEntries(entries) as Record<F, Values>;
}

function readCondition(value: unknown, field: string): Condition {
  const condition = readFields(value, field, ['key', 'values', 'notValues']) ?? refuse(field, 'missing');
  const key = readString(condition['key'], `${field}.key`);
  const subject = parseConditionKey(key) ?? refuse(`${field}.key`, `"${key}" is no known attribute`);
  const values = readStrings(condition['values'], `${field}.values`);
  const notValues = readStrings(condition['notValues'], `${field}.notValues`);
  if (values.length + notValues.length === 0) refuse(field, 'it needs values or notValues');
  for (const [name, list] of [
    ['values', values],
    ['notValues', notValues],
  ] as const) {
    for (const [index, text] of list.entries()) checkValue(conditionKinds[subject.subject.type], text, `${field}.${name}[${index}]`);
  }
  return { key, values, notValues };
}

type ValueKind = (typeof sourceFields)[number] | (typeof operationFields)[number] | undefined;

const conditionKinds: Readonly<Record<string, ValueKind>> = {
  sourceIp: 'ipBlocks',
  remoteIp: 'remoteIpBlocks',
  destinationIp: 'ipBlocks',
  port: 'ports',
  serviceAccount: 'serviceAccounts',
  trustDomain: 'trustDomains',
};

function checkValue(kind: ValueKind, text: string, field: string) {
  switch (kind) {
    case 'ipBlocks':
    case 'remoteIpBlocks':
      if (parseCidr(text) === undefined) refuse(field, `"${text}" is no address or CIDR block`);
      break;
    case 'ports':
      if (!/^[1-9]\d{0,4}$/.test(text) || Number(text) > 65_535) refuse(field, `"${text}" is no port: expected 1 to 65535`);
      break;
    case 'paths':
      checkPath(text, field);
      break;
    case 'trustDomains':
      if (!/^(?:\*|\*?[^*/]+|[^*/]+\*)$/.test(text))
        refuse(field, `"${text}": expected a trust domain, with one "*" at most, in front or at the end`);
      break;
    case 'serviceAccounts':
      if (!/^(?:[a-z0-9.-]{1,253}\/)?[a-z0-9.-]{1,253}$/.test(text))
        refuse(field, `"${text}": expected NAME or NAMESPACE/NAME, without "*"`);
      break;
  }
}

function checkPath(text: string, field: string) {
  const problem = isPathTemplate(text)
    ? checkPathTemplate(text)
    : /[{}]/.test(text)
      ? 'holds "{" or "}" that is no "{*}" or "{**}"'
      : undefined;
  if (problem !== undefined) refuse(field, `"${text}": ${problem}`);
}
