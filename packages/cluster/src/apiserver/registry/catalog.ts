import {
  formatApiVersion,
  formatGroupResource,
  type GroupVersionKind,
  type GroupVersionResource,
  type KubernetesObject,
  parseApiVersion,
  type ResourceInfo,
  type SchemaRegistry,
} from '@palisade/kubernetes';
import { Entry } from '../store/entry.ts';
import { builtinModel } from './builtin-model.ts';
import { STORED_AS, type StoredAs } from './conversions.ts';
import type { Conversion, ServedResource } from './resource.ts';

/** Every resource this server answers for; custom ones will join it as their definitions come and go. */
export class ResourceCatalog {
  readonly #byResource = new Map<string, ServedResource>();
  readonly #byKind = new Map<string, ServedResource>();

  constructor(schemas: SchemaRegistry) {
    for (const info of schemas.resources()) this.add(describeResource(schemas, info));
  }

  add(served: ServedResource): void {
    const { group, version, resource } = served.gvr;
    this.#byResource.set(`${group}/${version}/${resource}`, served);
    this.#byKind.set(`${group}/${version}/${served.gvk.kind}`, served);
  }

  remove(served: ServedResource): void {
    const { group, version, resource } = served.gvr;
    this.#byResource.delete(`${group}/${version}/${resource}`);
    this.#byKind.delete(`${group}/${version}/${served.gvk.kind}`);
  }

  find(gvr: GroupVersionResource): ServedResource | undefined {
    return this.#byResource.get(`${gvr.group}/${gvr.version}/${gvr.resource}`);
  }

  findKind(gvk: GroupVersionKind): ServedResource | undefined {
    return this.#byKind.get(`${gvk.group}/${gvk.version}/${gvk.kind}`);
  }

  hasGroup(group: string): boolean {
    for (const served of this.#byResource.values()) if (served.gvr.group === group) return true;
    return false;
  }

  /** In discovery order. */
  all(): IterableIterator<ServedResource> {
    return this.#byResource.values();
  }
}

const DEPRECATED: Readonly<Record<string, string>> = {
  '/v1/endpoints': 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  '/v1/componentstatuses': 'v1 ComponentStatus is deprecated in v1.19+',
};

function describeResource(schemas: SchemaRegistry, info: ResourceInfo): ServedResource {
  const gvr = { group: info.group, version: info.version, resource: info.resource };
  const deprecation = DEPRECATED[`${info.group}/${info.version}/${info.resource}`];
  const storedAs = STORED_AS.get(`${info.group}/${info.version}/${info.resource}`);
  return {
    info,
    gvr,
    gvk: { group: info.group, version: info.version, kind: info.kind },
    model: builtinModel(schemas, { group: info.group, version: info.version, kind: info.kind }),
    storeType: storedAs?.storeType ?? formatGroupResource(gvr),
    storedApiVersion: storedAs?.apiVersion ?? formatApiVersion(info.group, info.version),
    hasStatus: info.subresources.some((sub) => sub.name === 'status'),
    ...(storedAs === undefined ? {} : { conversion: completed(schemas, info, storedAs) }),
    ...(deprecation === undefined ? {} : { deprecation }),
  };
}

/** A conversion whose results are as their version writes them: zero values that one keeps and the other leaves out. */
function completed(schemas: SchemaRegistry, { group, version, kind }: ResourceInfo, { apiVersion, conversion }: StoredAs): Conversion {
  const complete = (gvk: GroupVersionKind) => {
    const model = builtinModel(schemas, gvk);
    const named = { apiVersion: formatApiVersion(gvk.group, gvk.version), kind };
    return (object: KubernetesObject) => model.applyDefaults(model.decode({ ...object, ...named }).object);
  };
  const stored = complete({ ...parseApiVersion(apiVersion), kind });
  const served = complete({ group, version, kind });
  return {
    toStored: (object) => stored(conversion.toStored(object)),
    fromStored: (object) => served(conversion.fromStored(object)),
  };
}

/** The object in the version it is stored in. */
export function toStored(served: ServedResource, object: KubernetesObject): KubernetesObject {
  const apiVersion = served.storedApiVersion;
  if (served.conversion !== undefined) return { ...served.conversion.toStored(object), apiVersion };
  return object.apiVersion === apiVersion ? object : { ...object, apiVersion };
}

const CONVERTED = new WeakMap<ServedResource, WeakMap<Entry, Entry>>();

/** A stored entry in the version that was asked for; the entry itself where that changes nothing. Entries do not change: each is converted once. */
export function fromStored(served: ServedResource, entry: Entry): Entry {
  if (served.conversion === undefined) return entry;
  let known = CONVERTED.get(served);
  if (known === undefined) {
    known = new WeakMap();
    CONVERTED.set(served, known);
  }
  let converted = known.get(entry);
  if (converted === undefined) {
    const object = { ...served.conversion.fromStored(entry.object), apiVersion: formatApiVersion(served.gvk.group, served.gvk.version) };
    const json = JSON.stringify(object);
    converted = json === entry.json ? entry : new Entry(entry.namespace, entry.name, entry.rv, json, object);
    known.set(entry, converted);
  }
  return converted;
}
