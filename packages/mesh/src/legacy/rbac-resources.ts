/** Wire objects of rbac.istio.io/v1alpha1 into their checked form (istio.io/api rbac/v1alpha1 of 1.1 to 1.5). */
import type { KubernetesObject } from '@palisade/kubernetes';
import { parseCidr } from '../authz/cidr.ts';
import { parseConditionKey } from '../authz/terms.ts';
import { notYet, readChoice, readFields, readList, readMap, readOptional, readString, readStrings, refuse } from '../resources/read.ts';

export interface RbacConfig {
  readonly isClusterWide: boolean;
  readonly mode: 'OFF' | 'ON' | 'ON_WITH_INCLUSION' | 'ON_WITH_EXCLUSION';
  /** What the mode includes or excludes, by exact name. */
  readonly services: readonly string[];
  readonly namespaces: readonly string[];
  /** Recorded, never enforced. */
  readonly isPermissive: boolean;
}

export interface ServiceRole {
  readonly namespace: string;
  readonly name: string;
  readonly rules: readonly AccessRule[];
}

export interface AccessRule {
  /** Patterns over fully qualified service names. */
  readonly services: readonly string[];
  /** None = every. */
  readonly methods: readonly string[];
  readonly paths: readonly string[];
  /** All of them; a repeated key's last one. */
  readonly constraints: readonly Constraint[];
}

export interface Constraint {
  readonly key: string;
  readonly values: readonly string[];
}

export interface ServiceRoleBinding {
  readonly namespace: string;
  readonly name: string;
  readonly role: string;
  readonly subjects: readonly Subject[];
  readonly isPermissive: boolean;
}

export interface Subject {
  /** `*` = anyone, even without a certificate. */
  readonly user?: string;
  readonly group?: string;
  readonly properties: readonly (readonly [string, string])[];
}

const modes = ['OFF', 'ON', 'ON_WITH_INCLUSION', 'ON_WITH_EXCLUSION'] as const;
const enforcement = ['ENFORCED', 'PERMISSIVE'] as const;

/** ClusterRbacConfig or RbacConfig: one object, named `default`. */
export function parseRbacConfig(object: KubernetesObject): RbacConfig {
  if (object.metadata.name !== 'default')
    refuse('metadata.name', `found "${object.metadata.name}", expected "default": only that one is read`);
  const spec = readFields(object['spec'], 'spec', ['mode', 'inclusion', 'exclusion', 'enforcementMode', 'enforcement_mode']) ?? {};
  const mode = readChoice(spec['mode'], 'spec.mode', modes, 'OFF');
  const listed = ({ ON_WITH_INCLUSION: 'inclusion', ON_WITH_EXCLUSION: 'exclusion', OFF: undefined, ON: undefined } as const)[mode];
  const scopes = { inclusion: readScope(spec['inclusion'], 'spec.inclusion'), exclusion: readScope(spec['exclusion'], 'spec.exclusion') };
  const targets = listed === undefined ? nowhere : scopes[listed];
  if (targets === undefined) refuse(`spec.${listed}`, `missing: mode ${mode} needs it`);
  const enforcementField = spec['enforcementMode'] === undefined ? 'enforcement_mode' : 'enforcementMode';
  return {
    isClusterWide: object.kind === 'ClusterRbacConfig',
    mode,
    ...targets,
    isPermissive: readChoice(spec[enforcementField], `spec.${enforcementField}`, enforcement, 'ENFORCED') === 'PERMISSIVE',
  };
}

type Scope = Pick<RbacConfig, 'services' | 'namespaces'>;
const nowhere: Scope = { services: [], namespaces: [] };

function readScope(value: unknown, field: string): Scope | undefined {
  const scope = readFields(value, field, ['services', 'namespaces']);
  return (
    scope && {
      services: readStrings(scope['services'], `${field}.services`),
      namespaces: readStrings(scope['namespaces'], `${field}.namespaces`),
    }
  );
}

export function parseServiceRole(object: KubernetesObject): ServiceRole {
  const spec = readFields(object['spec'], 'spec', ['rules']) ?? {};
  const rules = readList(spec['rules'], 'spec.rules') ?? [];
  if (rules.length === 0) refuse('spec.rules', 'missing or empty: a role without rules grants nothing');
  return { ...nameOf(object), rules: rules.map((rule, index) => readAccessRule(rule, `spec.rules[${index}]`)) };
}

const ruleNotYet = notYet('hosts', 'notHosts', 'notPaths', 'notMethods', 'ports', 'notPorts');

function readAccessRule(value: unknown, field: string): AccessRule {
  const rule = readFields(value, field, ['services', 'methods', 'paths', 'constraints'], ruleNotYet) ?? refuse(field, 'missing');
  const services = readStrings(rule['services'], `${field}.services`);
  if (services.length === 0) refuse(`${field}.services`, 'missing or empty: "*" stands for every service');
  const constraints = (readList(rule['constraints'], `${field}.constraints`) ?? []).map((item, index) => {
    const where = `${field}.constraints[${index}]`;
    const constraint = readFields(item, where, ['key', 'values']) ?? refuse(where, 'missing');
    const key = readString(constraint['key'], `${where}.key`);
    const values = readStrings(constraint['values'], `${where}.values`);
    if (values.length === 0) refuse(`${where}.values`, 'missing or empty');
    if (!isDestination(key)) checkKey(key, values, `${where}.key`);
    return { key, values };
  });
  const last = new Map(constraints.map((constraint) => [constraint.key, constraint]));
  return {
    services,
    methods: readStrings(rule['methods'], `${field}.methods`),
    paths: readStrings(rule['paths'], `${field}.paths`),
    constraints: [...last.values()],
  };
}

/** Constraints that the workload answers before any request. */
export function isDestination(key: string): boolean {
  return /^destination\.(?:name|namespace|user|labels\[[^[\]]+\])$/.test(key);
}

function checkKey(key: string, values: readonly string[], field: string) {
  const subject = parseConditionKey(key)?.subject ?? refuse(field, `"${key}" is no attribute of a request`);
  const isAddress = ['sourceIp', 'remoteIp', 'destinationIp'].includes(subject.type);
  const bad = values.find(
    (text) => (isAddress && parseCidr(text) === undefined) || (subject.type === 'port' && !/^[1-9]\d{0,4}$/.test(text)),
  );
  if (bad !== undefined) refuse(field, `"${bad}" is no value of ${key}`);
}

const bindingNotYet = { ...notYet('actions'), role: 'use roleRef' };

export function parseServiceRoleBinding(object: KubernetesObject): ServiceRoleBinding {
  const spec = readFields(object['spec'], 'spec', ['subjects', 'roleRef', 'mode'], bindingNotYet) ?? {};
  const ref = readFields(spec['roleRef'], 'spec.roleRef', ['kind', 'name', 'apiGroup']) ?? refuse('spec.roleRef', 'missing');
  readChoice(ref['kind'], 'spec.roleRef.kind', ['ServiceRole'] as const, 'ServiceRole');
  const subjects = readList(spec['subjects'], 'spec.subjects') ?? [];
  if (subjects.length === 0) refuse('spec.subjects', 'missing or empty');
  return {
    ...nameOf(object),
    role: readString(ref['name'], 'spec.roleRef.name'),
    subjects: subjects.map((subject, index) => readSubject(subject, `spec.subjects[${index}]`)),
    isPermissive: readChoice(spec['mode'], 'spec.mode', enforcement, 'ENFORCED') === 'PERMISSIVE',
  };
}

const subjectNotYet = notYet('names', 'notNames', 'groups', 'notGroups', 'namespaces', 'notNamespaces', 'ips', 'notIps');

function readSubject(value: unknown, field: string): Subject {
  const subject = readFields(value, field, ['user', 'group', 'properties'], subjectNotYet) ?? {};
  const text = (name: string) => {
    const given = readOptional(subject[name], `${field}.${name}`);
    return given === undefined ? {} : { [name]: readIdentity(given, `${field}.${name}`) };
  };
  const properties = readMap(subject['properties'], `${field}.properties`).map(([key, item]) => {
    const property = readIdentity(readString(item, `${field}.properties[${key}]`), `${field}.properties[${key}]`);
    checkKey(key, [property], `${field}.properties[${key}]`);
    return [key, property] as const;
  });
  return { ...text('user'), ...text('group'), properties };
}

/** `**` ends in a literal star, which no name does: whoever writes it means everybody, and would get nobody. */
function readIdentity(text: string, field: string): string {
  return text === '**' ? refuse(field, 'found "**", which matches nobody: write "*"') : text;
}

function nameOf(object: KubernetesObject) {
  return { namespace: object.metadata.namespace ?? 'default', name: object.metadata.name ?? '' };
}
