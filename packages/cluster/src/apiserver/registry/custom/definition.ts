import { cloneObject, type KubernetesObject, type ResourceInfo, type SchemaRegistry } from '@palisade/kubernetes';
import type { Conversion, ScalePaths, ServedResource } from '../resource.ts';
import { customModel, type PrinterColumn } from './model.ts';
import { fillDefaults, type JsonSchema, prune } from './schema.ts';

/** CustomResourceDefinition v1, as far as serving needs it; it was validated when it was stored. */
interface DefinitionSpec {
  readonly group: string;
  readonly scope: 'Namespaced' | 'Cluster';
  readonly names: { plural: string; singular?: string; kind: string; shortNames?: string[]; categories?: string[] };
  readonly versions: readonly DefinitionVersion[];
}

interface DefinitionVersion {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly deprecated?: boolean;
  readonly deprecationWarning?: string;
  readonly schema?: { openAPIV3Schema?: JsonSchema };
  readonly subresources?: { status?: object; scale?: { specReplicasPath: string; statusReplicasPath: string; labelSelectorPath?: string } };
  readonly additionalPrinterColumns?: readonly PrinterColumn[];
  readonly selectableFields?: readonly { jsonPath: string }[];
}

const VERBS = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];
const SUBRESOURCE_VERBS = ['get', 'patch', 'update'];

export const DEFINITIONS = 'customresourcedefinitions.apiextensions.k8s.io';

export interface CustomVersion {
  readonly served: ServedResource;
  readonly schema: JsonSchema;
}

/** The resources a definition adds, the preferred version first. Of one that is being deleted nothing new can be made. */
export function servedResources(schemas: SchemaRegistry, definition: KubernetesObject): CustomVersion[] {
  const spec = definition['spec'] as DefinitionSpec;
  const { group, names, scope } = spec;
  const stored = spec.versions.find((version) => version.storage)?.name ?? '';
  const isGoing = definition.metadata.deletionTimestamp !== undefined;
  if (!isEstablished(definition)) return [];
  return spec.versions
    .filter((version) => version.served)
    .toSorted((a, b) => comparePriority(a.name, b.name))
    .map((version): CustomVersion => {
      const schema = version.schema?.openAPIV3Schema ?? {};
      const gvk = { group, version: version.name, kind: names.kind };
      const scale = version.subresources?.scale;
      const scalePaths: ScalePaths | undefined = scale && {
        replicas: pathOf(scale.specReplicasPath),
        statusReplicas: pathOf(scale.statusReplicasPath),
        ...(scale.labelSelectorPath ? { selector: pathOf(scale.labelSelectorPath) } : {}),
      };
      const info: ResourceInfo = {
        group,
        version: version.name,
        resource: names.plural,
        singular: names.singular ?? names.kind.toLowerCase(),
        kind: names.kind,
        namespaced: scope === 'Namespaced',
        shortNames: names.shortNames ?? [],
        categories: names.categories ?? [],
        verbs: isGoing ? VERBS.filter((verb) => verb !== 'create') : VERBS,
        subresources: [
          ...(version.subresources?.status ? [{ name: 'status', kind: gvk, verbs: SUBRESOURCE_VERBS }] : []),
          ...(scale ? [{ name: 'scale', kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' }, verbs: SUBRESOURCE_VERBS }] : []),
        ],
      };
      const served: ServedResource = {
        info,
        gvr: { group, version: version.name, resource: names.plural },
        gvk,
        storeType: `${names.plural}.${group}`,
        storedApiVersion: `${group}/${stored}`,
        hasStatus: version.subresources?.status !== undefined,
        isCustom: true,
        model: customModel(schemas, schema, info.namespaced, version.additionalPrinterColumns, scalePaths),
        conversion: conversionOf(spec, version.name, stored),
        ...(scalePaths ? { scalePaths } : {}),
        ...(version.deprecated === true ? { deprecation: deprecationOf(spec, version) } : {}),
        selectableFields: (version.selectableFields ?? []).map(({ jsonPath }) => jsonPath.slice(1)),
      };
      return { served, schema };
    });
}

/**
 * Versions of a custom kind differ in nothing but their name and their schema: what is stored keeps the fields that the stored
 * version's schema knows, and what is read has the defaults of the version it was stored in, even those that came later.
 */
function conversionOf({ group, versions }: DefinitionSpec, served: string, stored: string): Conversion {
  const schemaOf = (name: string): JsonSchema => versions.find((version) => version.name === name)?.schema?.openAPIV3Schema ?? {};
  const pruned = (object: KubernetesObject, version: string): KubernetesObject => {
    prune(schemaOf(version), object, '', true, () => {});
    return object;
  };
  return {
    toStored: (object) => (served === stored ? object : pruned(cloneObject(object), stored)),
    fromStored(object) {
      const from = object.apiVersion.slice(group.length + 1);
      const next = pruned(cloneObject(object), from);
      fillDefaults(schemaOf(from), next);
      return from === served ? next : pruned(next, served);
    },
  };
}

/** What is told to everyone who uses a version that will go. */
function deprecationOf({ group, names, versions }: DefinitionSpec, { name, deprecationWarning }: DefinitionVersion): string {
  if (deprecationWarning !== undefined) return deprecationWarning;
  const [newer] = versions
    .filter((other) => other.served && other.deprecated !== true && comparePriority(other.name, name) < 0)
    .toSorted((a, b) => comparePriority(a.name, b.name));
  const instead = newer === undefined ? '' : `; use ${group}/${newer.name} ${names.kind}`;
  return `${group}/${name} ${names.kind} is deprecated${instead}`;
}

/** A definition whose names somebody else has is not served. */
function isEstablished(definition: KubernetesObject): boolean {
  const conditions: { type: string; status: string }[] = definition['status']?.conditions ?? [];
  return conditions.some(({ type, status }) => type === 'Established' && status === 'True');
}

function pathOf(text: string): string[] {
  return text.split('.').filter((part) => part !== '');
}

/** Newer and more stable first: v2, v1, v1beta2, v1beta1, v1alpha1, then others by name (apimachinery `version.CompareKubeAwareVersionStrings`). */
function comparePriority(a: string, b: string): number {
  const rank = (name: string): readonly [number, number, number] => {
    const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(name);
    if (match === null) return [0, 0, 0];
    return [match[2] === undefined ? 3 : match[2] === 'beta' ? 2 : 1, Number(match[1]), Number(match[3] ?? 0)];
  };
  const [left, right] = [rank(a), rank(b)];
  for (let i = 0; i < 3; i++) if (left[i] !== right[i]) return right[i]! - left[i]!;
  return a < b ? -1 : a > b ? 1 : 0;
}
