import { readFileSync } from 'node:fs';
import type { GroupVersionKind, GroupVersionResource } from '../object.ts';
import { type Definition, parseDefinition, peekDefinition } from './definitions.ts';

export interface SubresourceInfo {
  readonly name: string;
  /** Empty group and version in discovery mean the parent's; here they are filled in. */
  readonly kind: GroupVersionKind;
  readonly verbs: readonly string[];
}

export interface ResourceInfo {
  readonly group: string;
  readonly version: string;
  /** Lower-case plural, as in the URL. */
  readonly resource: string;
  readonly singular: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly verbs: readonly string[];
  readonly subresources: readonly SubresourceInfo[];
}

/** Name, type, format, priority (1 shows with `-o wide`). */
export type TableColumn = readonly [name: string, type: string, format: string, priority: number];

interface Header {
  version: string;
  resources: (Omit<ResourceInfo, 'subresources'> & { subresources: { name: string; kind: [string, string, string]; verbs: string[] }[] })[];
  tables: Record<string, TableColumn[]>;
}

/** `apps/v1`, or `v1` for the core group. */
export function formatApiVersion(group: string, version: string): string {
  return group === '' ? version : `${group}/${version}`;
}

/** The inverse of `formatApiVersion`. More than one slash is no apiVersion: the rest stays in `version` and matches nothing. */
export function parseApiVersion(apiVersion: string): { group: string; version: string } {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? { group: '', version: apiVersion } : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}

const keyOf = (group: string, version: string, name: string): string => `${group}/${version}/${name}`;

/**
 * Which kinds and resources exist, and the schema of each. Reading the table costs a few milliseconds: definitions are decoded
 * when first asked for and then kept.
 */
export class SchemaRegistry {
  /** Kubernetes release the table was taken from, such as `1.34`. */
  readonly version: string;
  readonly #resources: readonly ResourceInfo[];
  readonly #byResource = new Map<string, ResourceInfo>();
  readonly #byKind = new Map<string, ResourceInfo>();
  readonly #definitionOfKind = new Map<string, string>();
  readonly #lines = new Map<string, string>();
  readonly #decoded = new Map<string, Definition>();
  readonly #tables: Readonly<Record<string, readonly TableColumn[]>>;

  private constructor(table: string) {
    const [head, ...lines] = table.trimEnd().split('\n');
    const header = JSON.parse(head ?? '') as Header;
    this.version = header.version;
    this.#tables = header.tables;
    this.#resources = header.resources.map((r) => ({
      ...r,
      subresources: r.subresources.map(({ name, kind, verbs }) => ({
        name,
        kind: { group: kind[0] || (kind[1] ? '' : r.group), version: kind[1] || r.version, kind: kind[2] },
        verbs,
      })),
    }));
    for (const info of this.#resources) {
      this.#byResource.set(keyOf(info.group, info.version, info.resource), info);
      this.#byKind.set(keyOf(info.group, info.version, info.kind), info);
    }
    for (const line of lines) {
      const { name, kinds } = peekDefinition(line);
      this.#lines.set(name, line);
      for (const [group, version, kind] of kinds) this.#definitionOfKind.set(keyOf(group, version, kind), name);
    }
  }

  static #builtin: SchemaRegistry | undefined;

  /** Every built-in group and version of Kubernetes 1.34. The same value each time: nothing in it changes. */
  static builtin(): SchemaRegistry {
    SchemaRegistry.#builtin ??= new SchemaRegistry(readFileSync(new URL('./generated/schemas.ndjson', import.meta.url), 'utf8'));
    return SchemaRegistry.#builtin;
  }

  /** In discovery order: core first, then groups as the real server lists them. */
  resources(): readonly ResourceInfo[] {
    return this.#resources;
  }

  byResource({ group, version, resource }: GroupVersionResource): ResourceInfo | undefined {
    return this.#byResource.get(keyOf(group, version, resource));
  }

  byKind({ group, version, kind }: GroupVersionKind): ResourceInfo | undefined {
    return this.#byKind.get(keyOf(group, version, kind));
  }

  /** Also kinds without a resource of their own: DeleteOptions, Status, Scale, TokenRequest, Eviction, every List. */
  hasKind({ group, version, kind }: GroupVersionKind): boolean {
    return this.#definitionOfKind.has(keyOf(group, version, kind));
  }

  schemaFor({ group, version, kind }: GroupVersionKind): Definition | undefined {
    const name = this.#definitionOfKind.get(keyOf(group, version, kind));
    return name === undefined ? undefined : this.definition(name);
  }

  /** @param name full OpenAPI name; a name outside the table is a fault of the table and throws */
  definition(name: string): Definition {
    let found = this.#decoded.get(name);
    if (!found) {
      const line = this.#lines.get(name);
      if (line === undefined) throw new Error(`Cannot find definition "${name}" in the schema table; generate the table again`);
      found = parseDefinition(line);
      this.#decoded.set(name, found);
    }
    return found;
  }

  /** Columns of the real server's table for a kind; undefined means Name and Age. */
  columns({ group, version, kind }: GroupVersionKind): readonly TableColumn[] | undefined {
    return this.#tables[`${formatApiVersion(group, version)} ${kind}`];
  }
}
