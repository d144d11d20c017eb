import {
  applyJsonPatch,
  applyMergePatch,
  applyStrategicMergePatch,
  badRequest,
  cloneObject,
  findConversionFault,
  goText,
  invalid,
  isStatusError,
  type KubernetesObject,
  PatchType,
  unsupportedMediaType,
} from '@palisade/kubernetes';
import type { Core, Scope } from '../core.ts';
import type { Entry } from '../store/entry.ts';
import { decodeBody } from './decode-body.ts';
import { type Change, updateObject } from './update.ts';

/** Applies a patch to the current object, again and again while others write it too. Unknown fields in a patch are a 422. */
export async function patchObject(core: Core, scope: Scope, type: string, patch: unknown, part: Change['part']): Promise<Entry> {
  return updateObject(core, scope, { part, isPatch: true, compute: (current) => patchedObject(core, scope, type, patch, current) });
}

/** The decoded object a patch makes of `current`. @throws StatusError 400, 415, 422 */
export function patchedObject(core: Core, scope: Scope, type: string, patch: unknown, current: KubernetesObject): KubernetesObject {
  return decodePatched(core, scope, type, patch, applyPatch(core, scope, type, patch, cloneObject(current)));
}

export function applyPatch(core: Core, scope: Scope, type: string, patch: unknown, target: unknown): unknown {
  const accepted = acceptedPatchTypes(core, scope);
  if (!accepted.includes(type)) throw unsupportedMediaType(accepted);
  switch (type) {
    case PatchType.json:
      return applyJsonPatch(target, patch);
    case PatchType.merge:
      if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) {
        const found = Array.isArray(patch) ? 'array' : typeof patch;
        throw badRequest(`error decoding patch: json: cannot unmarshal ${found} into Go value of type map[string]interface {}`);
      }
      return applyMergePatch(target, patch);
    case PatchType.strategic:
      return applyStrategicMergePatch(core.schemas, scope.resource.gvk, target, patch);
    default:
      throw unsupportedMediaType(accepted);
  }
}

/** Strategic merge needs the merge keys of a built-in schema. */
export function acceptedPatchTypes(core: Core, scope: Scope): string[] {
  const strategic = core.schemas.hasKind(scope.resource.gvk) ? [PatchType.strategic] : [];
  return [PatchType.json, PatchType.merge, ...strategic, PatchType.apply];
}

/**
 * What a patch made, as an object of its kind. That it cannot be one is the patch's fault. A strategic patch works on the object
 * itself, the others on its JSON, whose fields stand in the order of their names.
 *
 * @throws StatusError 422
 */
function decodePatched(core: Core, scope: Scope, type: string, patch: unknown, value: unknown): KubernetesObject {
  const { gvk } = scope.resource;
  const refuse = (shown: unknown, why: string) => {
    const message = `Invalid value: ${JSON.stringify(shown)}: ${why}`;
    return invalid({ group: '', kind: '' }, '', [{ reason: 'FieldValueInvalid', message, field: 'patch' }]);
  };
  const isStrategic = type === PatchType.strategic;
  const fault = isStrategic ? findConversionFault(core.schemas, gvk, value) : undefined;
  if (fault !== undefined) throw refuse(goText(patch), fault);
  const sorted = sortKeys(value);
  try {
    return decodeBody(core, scope, gvk, { value: sorted, syntaxWarnings: [] });
  } catch (error) {
    if (!isStatusError(error, 'BadRequest')) throw error;
    const why = error.message.replace(/^\S+ in version "[^"]*" cannot be handled as a \S+: /, '');
    throw refuse(isStrategic ? goText(patch) : JSON.stringify(sorted), why);
  }
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sortKeys(inner)]));
}
