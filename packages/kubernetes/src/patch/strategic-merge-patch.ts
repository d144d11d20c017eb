import { badRequest, plainFailure, unprocessable } from '../errors.ts';
import type { GroupVersionKind } from '../object.ts';
import type { FieldSchema, TypeSchema } from '../schema/definitions.ts';
import type { SchemaRegistry } from '../schema/registry.ts';
import { mergeKeyedList, mergePrimitiveList, orderElements } from './element-order.ts';
import { goText } from './go-text.ts';
import { getOwn, isObject, type Json, setOwn } from './own-keys.ts';

/**
 * Strategic merge patch (apimachinery `util/strategicpatch`): a merge patch that knows the schema. Lists with a merge key are merged by
 * it. Directives: `$patch: replace|delete|merge`, `$retainKeys`, `$deleteFromPrimitiveList/F`, `$setElementOrder/F`.
 */

const deleteFrom = '$deleteFromPrimitiveList/';
const elementOrder = '$setElementOrder/';

class StrategicMerge {
  readonly #registry: SchemaRegistry;

  constructor(registry: SchemaRegistry) {
    this.#registry = registry;
  }

  /** @param type what both sides are; undefined where the schema does not say (free-form JSON merges by RFC 7386) */
  merge(original: Json, patch: Json, type: TypeSchema | undefined): Json {
    const directive = getOwn(patch, '$patch');
    if (directive === 'replace') return this.#plain(withoutDirective(patch), type);
    if (directive === 'delete') return {};
    if (directive !== undefined && directive !== 'merge')
      throw plainFailure(500, `unknown patch type: ${goText(directive)} in map: ${goText(patch)}`);
    const out: Json = {};
    const retained = retainedKeys(patch);
    for (const [key, value] of Object.entries(original)) if (!retained || retained.has(key)) setOwn(out, key, value);
    for (const [key, value] of Object.entries(patch)) {
      if (key === '$patch' || key === '$retainKeys' || key.startsWith(elementOrder)) continue;
      if (key.startsWith(deleteFrom)) deletePrimitives(out, key.slice(deleteFrom.length), value);
      else if (value === null) delete out[key];
      else setOwn(out, key, this.#field(getOwn(out, key), value, key, type, getOwn(patch, elementOrder + key)));
    }
    for (const [key, order] of Object.entries(patch)) {
      const name = key.slice(elementOrder.length);
      const kept = key.startsWith(elementOrder) && !Object.hasOwn(patch, name) ? getOwn(out, name) : undefined;
      if (Array.isArray(kept)) setOwn(out, name, orderElements(kept, kept, orderList(order), this.#fieldOf(type, name)?.mergeKey));
    }
    return out;
  }

  #fieldOf(type: TypeSchema | undefined, key: string): FieldSchema | undefined {
    return type?.kind === 'ref' ? this.#registry.definition(type.name).fields.get(key) : undefined;
  }

  #field(original: unknown, patch: unknown, key: string, holder: TypeSchema | undefined, order: unknown): unknown {
    const field = this.#fieldOf(holder, key);
    const type = field?.type ?? (holder?.kind === 'map' ? holder.value : undefined);
    const strategies = field?.patchStrategy?.split(',') ?? [];
    if (isObject(patch)) {
      if (!isObject(original) || strategies.includes('replace')) return this.#plain(patch, type);
      return this.merge(original, patch, type);
    }
    if (!Array.isArray(patch)) return patch;
    const items = type?.kind === 'list' ? type.item : undefined;
    if (!strategies.includes('merge')) return patch.map((item) => (isObject(item) ? this.#plain(item, items) : structuredClone(item)));
    const before = Array.isArray(original) ? original : [];
    const mergeKey = field?.mergeKey;
    const merged =
      mergeKey === undefined
        ? mergePrimitiveList(before, patch)
        : mergeKeyedList(before, patch, mergeKey, (o, p) => this.merge(o, p, items));
    return order === undefined ? merged : orderElements(merged, before, orderList(order), mergeKey);
  }

  /** A value that meets nothing to merge with: nulls and directives in it have nothing to act on and vanish. */
  #plain(patch: Json, type: TypeSchema | undefined): Json {
    return this.merge({}, patch, type);
  }
}

function withoutDirective(patch: Json): Json {
  return Object.fromEntries(Object.entries(patch).filter(([key]) => key !== '$patch'));
}

function orderList(order: unknown): unknown[] {
  if (!Array.isArray(order)) throw badRequest('invalid patch format of setElementOrder list: expected a list');
  return order;
}

/** `$retainKeys` must name every key the patch sets. */
function retainedKeys(patch: Json): Set<string> | undefined {
  const list = getOwn(patch, '$retainKeys');
  if (list === undefined) return undefined;
  if (!Array.isArray(list)) throw badRequest('invalid patch format of retainKeys: expected a list');
  const keys = new Set(list.map(String));
  for (const [key, value] of Object.entries(patch)) {
    if (!key.startsWith('$') && value !== null && !keys.has(key)) throw unprocessable();
  }
  return keys;
}

function deletePrimitives(out: Json, key: string, values: unknown): void {
  if (!Array.isArray(values)) throw badRequest('invalid patch format of primitive list: expected a list');
  const list = getOwn(out, key);
  if (Array.isArray(list))
    setOwn(
      out,
      key,
      list.filter((item) => !values.includes(item)),
    );
}

/**
 * @param gvk kind of the target; only kinds of the schema table have merge keys (custom resources take 415 before this point)
 * @throws StatusError 400 (malformed directive) or 422 (element without its merge key, `$retainKeys` that misses a key)
 */
export function applyStrategicMergePatch(registry: SchemaRegistry, gvk: GroupVersionKind, target: unknown, patch: unknown): unknown {
  if (!isObject(patch) || !isObject(target)) throw badRequest('invalid JSON document: a strategic merge patch must be an object');
  const name = registry.schemaFor(gvk)?.name;
  return structuredClone(new StrategicMerge(registry).merge(target, patch, name === undefined ? undefined : { kind: 'ref', name }));
}
