import type { Struct } from '../defaults/value.ts';
import { validateClientConfig } from './admission.ts';
import type { Findings } from './findings.ts';
import { checkDns1035Label, checkDns1123Subdomain } from './names.ts';

/** CustomResourceDefinition v1: names, versions, structural schemas (apiextensions `validation` and `schema`). */

const schemaField = 'schema.openAPIV3Schema';

/** How Go's internal type prints. Schemas that all versions share are lifted out of them, hence null. */
const printed = (version: Struct): Struct => ({
  Name: version['name'] ?? '',
  Served: version['served'] ?? false,
  Storage: version['storage'] ?? false,
  Deprecated: version['deprecated'] ?? false,
  DeprecationWarning: version['deprecationWarning'] ?? null,
  Schema: null,
  Subresources: null,
  AdditionalPrinterColumns: null,
  SelectableFields: null,
});

/** Every object, array and field of a structural schema names its type; logic below `anyOf` and its kin is not visited. */
function validateStructural(f: Findings, at: string, schema: Struct, isRoot: boolean): void {
  const typed =
    Boolean(schema['type']) || schema['x-kubernetes-int-or-string'] === true || schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (!typed) f.required(`${at}.type`, isRoot ? 'must not be empty at the root' : 'must not be empty for specified object fields');
  if (isRoot && schema['type'] && schema['type'] !== 'object') f.invalid(`${at}.type`, schema['type'], 'must be object at the root');
  for (const [name, property] of Object.entries((schema['properties'] ?? {}) as Record<string, Struct>))
    validateStructural(f, `${at}.properties[${name}]`, property, false);
  if (schema['type'] === 'array' && !schema['items']) f.required(`${at}.items`, 'must be specified');
  const items: unknown = schema['items'];
  if (Array.isArray(items)) f.forbidden(`${at}.items`, 'items must be a schema object and not an array');
  else if (items !== undefined) validateElement(f, `${at}.items`, items as Struct, 'must not be empty for specified array items');
  const additional: unknown = schema['additionalProperties'];
  if (typeof additional === 'object' && additional !== null) {
    if (schema['properties']) f.forbidden(`${at}.additionalProperties`, 'additionalProperties and properties are mutual exclusive');
    validateElement(f, `${at}.additionalProperties`, additional as Struct, 'must not be empty for specified object fields');
  }
}

function validateElement(f: Findings, at: string, schema: Struct, emptyText: string): void {
  const typed =
    Boolean(schema['type']) || schema['x-kubernetes-int-or-string'] === true || schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (typed) validateStructural(f, at, schema, false);
  else f.required(`${at}.type`, emptyText);
}

function validateVersions(f: Findings, versions: readonly Struct[]): void {
  const storage = versions.filter((v) => v['storage'] === true);
  const names = new Set<string>();
  for (const [i, version] of versions.entries()) {
    const name: string = version['name'] ?? '';
    f.invalidEach(`spec.versions[${i}].name`, name, checkDns1035Label(name));
    if (names.has(name)) f.invalid(`spec.versions`, versions.map(printed), 'must contain unique version names');
    names.add(name);
    const schema: Struct | undefined = version['schema']?.openAPIV3Schema;
    if (!schema) f.required(`spec.versions[${i}].${schemaField}`);
    // The only version's schema is reported where v1beta1 kept it.
    else
      validateStructural(f, versions.length === 1 ? 'spec.validation.openAPIV3Schema' : `spec.versions[${i}].${schemaField}`, schema, true);
  }
  if (storage.length === 1) return;
  f.invalid('spec.versions', versions.map(printed), 'must have exactly one version marked as storage version');
  // The server has noted the first storage version as stored and then finds the last one in its place.
  if (storage.length > 1)
    f.invalid('status.storedVersions', [storage[0]!['name']], `must have the storage version ${storage.at(-1)!['name']}`);
}

export function validateCustomResourceDefinition(f: Findings, { metadata = {}, spec = {} }: Struct): void {
  const names: Struct = spec.names ?? {};
  if (metadata.name !== `${names['plural']}.${spec.group}`)
    f.invalid('metadata.name', metadata.name ?? '', 'must be spec.names.plural+"."+spec.group');
  if (!spec.group) f.required('spec.group');
  else {
    f.invalidEach('spec.group', spec.group, checkDns1123Subdomain(spec.group));
    if (!spec.group.includes('.')) f.invalid('spec.group', spec.group, 'should be a domain with at least one dot');
  }
  f.oneOf('spec.scope', spec.scope, ['Cluster', 'Namespaced']);
  for (const field of ['plural', 'singular', 'kind', 'listKind']) {
    const name: string = names[field] ?? '';
    if (name === '') f.required(`spec.names.${field}`);
    else f.invalidEach(`spec.names.${field}`, name, checkDns1035Label(name.toLowerCase()));
  }
  if (names['kind'] && names['kind'] === names['listKind'])
    f.invalid('spec.names.listKind', names['listKind'], 'kind and listKind may not be the same');
  validateVersions(f, spec.versions ?? []);
  const conversion: Struct = spec.conversion ?? {};
  f.oneOf('spec.conversion.strategy', conversion['strategy'], ['None', 'Webhook']);
  if (conversion['strategy'] === 'Webhook' && !conversion['webhook'])
    f.required('spec.conversion.webhookClientConfig', 'required when strategy is set to Webhook');
  else if (conversion['webhook']) validateClientConfig(f, 'spec.conversion.webhookClientConfig', conversion['webhook'].clientConfig ?? {});
}
