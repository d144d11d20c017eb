import type { Struct } from '../defaults/value.ts';
import { validateClientConfig } from './admission.ts';
import type { Findings } from './findings.ts';
import { checkDns1035Label, checkDns1123Subdomain } from './names.ts';
import { pathExists, validateStructuralSchema } from './structural-schema.ts';

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

/** Where v1beta1 had it once: what all versions share (the only one shares all) is reported there. */
const placeOf = (versions: readonly Struct[], i: number, shared: string, own: string): string =>
  versions.length === 1 ? `spec.${shared}` : `spec.versions[${i}].${own}`;

const COLUMN_TYPES = ['boolean', 'date', 'integer', 'number', 'string'];

function validateColumns(f: Findings, at: string, columns: readonly Struct[]): void {
  for (const [i, column] of columns.entries()) {
    const path: string = column['jsonPath'] ?? '';
    if (!column['name']) f.required(`${at}[${i}].name`);
    if (!column['type']) f.required(`${at}[${i}].type`, `must be one of ${COLUMN_TYPES.join(',')}`);
    else if (!COLUMN_TYPES.includes(column['type']))
      f.invalid(`${at}[${i}].type`, column['type'], `must be one of ${COLUMN_TYPES.join(',')}`);
    if (path === '') f.required(`${at}[${i}].JSONPath`);
    else if (!/^\.[^\s]*$/.test(path)) f.invalid(`${at}[${i}].JSONPath`, path, 'must be a simple json path starting with .');
  }
}

function validateScalePaths(f: Findings, at: string, scale: Struct): void {
  const path = (field: string, below: string, isNeeded: boolean) => {
    const text: string = scale[field] ?? '';
    if (text === '') {
      if (isNeeded) f.required(`${at}.${field}`);
    } else if (!text.startsWith(`.${below}.`)) f.invalid(`${at}.${field}`, text, `should be a json path under .${below}`);
  };
  path('specReplicasPath', 'spec', true);
  path('statusReplicasPath', 'status', true);
  const selector: string = scale['labelSelectorPath'] ?? '';
  if (selector !== '' && !/^\.(spec|status)\./.test(selector))
    f.invalid(`${at}.labelSelectorPath`, selector, 'should be a json path under either .status or .spec');
}

function validateDeprecation(f: Findings, at: string, { deprecated, deprecationWarning: text }: Struct): void {
  if (text === undefined) return;
  if (deprecated !== true) f.invalid(at, text, 'can only be set for deprecated versions');
  else if (text.length > 256) f.invalid(at, text, 'must be <= 256 characters long');
  else if (text === '') f.invalid(at, text, 'must not be an empty string');
}

function validateVersions(f: Findings, versions: readonly Struct[]): void {
  const storage = versions.filter((v) => v['storage'] === true);
  const names = new Set<string>();
  for (const [i, version] of versions.entries()) {
    const name: string = version['name'] ?? '';
    f.invalidEach(`spec.versions[${i}].name`, name, checkDns1035Label(name));
    validateDeprecation(f, `spec.versions[${i}].deprecationWarning`, version);
    if (names.has(name)) f.invalid(`spec.versions`, versions.map(printed), 'must contain unique version names');
    names.add(name);
    const schema: Struct | undefined = version['schema']?.openAPIV3Schema;
    if (!schema) f.required(`spec.versions[${i}].${schemaField}`);
    // The only version's schema is reported where v1beta1 kept it.
    else validateStructuralSchema(f, placeOf(versions, i, 'validation.openAPIV3Schema', schemaField), schema);
    validateColumns(
      f,
      placeOf(versions, i, 'additionalPrinterColumns', 'additionalPrinterColumns'),
      version['additionalPrinterColumns'] ?? [],
    );
    const scale: Struct | undefined = version['subresources']?.scale;
    if (scale !== undefined) validateScalePaths(f, placeOf(versions, i, 'subresources.scale', 'subresources.scale'), scale);
    for (const [n, { jsonPath = '' }] of ((version['selectableFields'] ?? []) as Struct[]).entries()) {
      if (schema !== undefined && !pathExists(schema, jsonPath)) {
        const at = `${placeOf(versions, i, 'selectableFields', 'selectableFields')}[${n}].jsonPath`;
        f.invalid(at, jsonPath, 'is an invalid path: does not refer to a valid field');
      }
    }
  }
  if (versions.length === 1) f.invalidEach('spec.version', versions[0]!['name'] ?? '', checkDns1035Label(versions[0]!['name'] ?? ''));
  if (storage.length !== 1) f.invalid('spec.versions', versions.map(printed), 'must have exactly one version marked as storage version');
}

/** Objects may be stored in every version that was once the storage version: none of them may go. */
function validateStoredVersions(f: Findings, stored: readonly string[], versions: readonly Struct[]): void {
  if (stored.length === 0) f.invalid('status.storedVersions', null, 'must have at least one stored version');
  else
    for (const { name, storage } of versions)
      if (storage === true && !stored.includes(name)) f.invalid('status.storedVersions', stored, `must have the storage version ${name}`);
  const served = new Set(versions.map(({ name }) => name));
  for (const [i, name] of stored.entries()) {
    const why = `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`;
    if (!served.has(name)) f.invalid(`status.storedVersions[${i}]`, name, why);
  }
}

/** The name is that of what is defined. Of a definition that is there it was judged when it was made. */
export function validateNewDefinition(f: Findings, definition: Struct): void {
  const { metadata = {}, spec = {} } = definition;
  if (metadata.name !== `${spec.names?.plural}.${spec.group}`)
    f.invalid('metadata.name', metadata.name ?? '', 'must be spec.names.plural+"."+spec.group');
  validateCustomResourceDefinition(f, definition);
}

export function validateCustomResourceDefinition(f: Findings, { metadata = {}, spec = {}, status = {} }: Struct): void {
  const names: Struct = spec.names ?? {};
  if (!spec.group) f.required('spec.group');
  else {
    f.invalidEach('spec.group', spec.group, checkDns1123Subdomain(spec.group));
    if (!spec.group.includes('.')) f.invalid('spec.group', spec.group, 'should be a domain with at least one dot');
  }
  const isProtected = /(^|\.)(k8s|kubernetes)\.io$/.test(spec.group ?? '');
  if (isProtected && metadata.annotations?.['api-approved.kubernetes.io'] === undefined) {
    const why =
      'protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111';
    f.required('metadata.annotations[api-approved.kubernetes.io]', why);
  }
  if (spec.preserveUnknownFields === true) {
    const why = 'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead';
    f.invalid('spec.preserveUnknownFields', true, why);
  }
  f.oneOf('spec.scope', spec.scope, ['Cluster', 'Namespaced']);
  for (const field of ['plural', 'singular', 'kind', 'listKind']) {
    const name: string = names[field] ?? '';
    if (name === '') f.required(`spec.names.${field}`);
    else {
      const mixed = field === 'kind' || field === 'listKind' ? 'may have mixed case, but should otherwise match: ' : '';
      f.invalidEach(
        `spec.names.${field}`,
        name,
        checkDns1035Label(mixed === '' ? name : name.toLowerCase()).map((why) => mixed + why),
      );
    }
  }
  for (const field of ['shortNames', 'categories'])
    for (const [i, name] of ((names[field] ?? []) as string[]).entries()) {
      const complaints = checkDns1035Label(name);
      if (complaints.length > 0) f.invalid(`spec.names.${field}[${i}]`, name, complaints.join(','));
    }
  if (names['kind'] && names['kind'] === names['listKind'])
    f.invalid('spec.names.listKind', names['listKind'], 'kind and listKind may not be the same');
  validateVersions(f, spec.versions ?? []);
  const conversion: Struct = spec.conversion ?? {};
  f.oneOf('spec.conversion.strategy', conversion['strategy'], ['None', 'Webhook']);
  if (conversion['strategy'] === 'Webhook' && !conversion['webhook'])
    f.required('spec.conversion.webhookClientConfig', 'required when strategy is set to Webhook');
  if (conversion['strategy'] === 'Webhook' && !conversion['webhook']?.conversionReviewVersions?.length)
    f.required('spec.conversion.conversionReviewVersions');
  if (conversion['webhook']) validateClientConfig(f, 'spec.conversion.webhookClientConfig', conversion['webhook'].clientConfig ?? {});
  const versions: Struct[] = spec.versions ?? [];
  // Of a new definition the server notes the first storage version.
  const noted = versions
    .filter(({ storage }) => storage === true)
    .slice(0, 1)
    .map(({ name }) => String(name));
  validateStoredVersions(f, status.storedVersions ?? noted, versions);
}

/** What is stored under its names keeps them; kind and scope are free until the definition is established. */
export function validateDefinitionUpdate(f: Findings, definition: Struct, old: Struct): void {
  validateCustomResourceDefinition(f, definition);
  const [now, before]: Struct[] = [definition['spec'] ?? {}, old['spec'] ?? {}];
  const keep = (field: string, value: unknown, was: unknown) => {
    if (value !== was) f.invalid(field, value, 'field is immutable');
  };
  const conditions: Struct[] = old['status']?.conditions ?? [];
  if (conditions.some(({ type, status }) => type === 'Established' && status === 'True')) {
    keep('spec.scope', now!['scope'], before!['scope']);
    keep('spec.names.kind', now!['names']?.kind, before!['names']?.kind);
  }
  keep('spec.group', now!['group'], before!['group']);
  keep('spec.names.plural', now!['names']?.plural, before!['names']?.plural);
}
