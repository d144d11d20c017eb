import {
  applyJsonPatch,
  applyMergePatch,
  applyStrategicMergePatch,
  type KubernetesObject,
  PatchType,
  unprocessable,
  unsupportedMediaType,
} from '@palisade/kubernetes';
import type { Core, Scope } from '../core.ts';
import type { Entry } from '../store/entry.ts';
import { cloneObject, decodeBody, type ParsedBody } from './decode-body.ts';
import { type Change, updateObject } from './update.ts';

/** Applies a patch to the current object, again and again while others write it too. Unknown fields in a patch are a 422. */
export async function patchObject(core: Core, scope: Scope, type: string, patch: unknown, part: Change['part']): Promise<Entry> {
  return updateObject(core, scope, { part, compute: (current) => patchedObject(core, scope, type, patch, current) });
}

/** The decoded object a patch makes of `current`. @throws StatusError 400, 415, 422 */
export function patchedObject(core: Core, scope: Scope, type: string, patch: unknown, current: KubernetesObject): KubernetesObject {
  const { gvk } = scope.resource;
  const value = applyPatch(core, scope, type, patch, cloneObject(current));
  return decodePatched(core, scope, gvk, { value, syntaxWarnings: [] });
}

export function applyPatch(core: Core, scope: Scope, type: string, patch: unknown, target: unknown): unknown {
  const accepted = acceptedPatchTypes(core, scope);
  if (!accepted.includes(type)) throw unsupportedMediaType(accepted);
  switch (type) {
    case PatchType.json:
      return applyJsonPatch(target, patch);
    case PatchType.merge:
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

/** @throws StatusError 400, 422 for unknown fields */
export function decodePatched(core: Core, scope: Scope, gvk: Scope['resource']['gvk'], body: ParsedBody): KubernetesObject {
  try {
    return decodeBody(core, scope, gvk, body);
  } catch (error) {
    const message = (error as Error).message;
    const strict = /strict decoding error: (.*)$/s.exec(message)?.[1];
    if (strict === undefined) throw error;
    throw unprocessable(
      `${gvk.kind}${gvk.group === '' ? '' : `.${gvk.group}`} "" is invalid: patch: Invalid value: ${JSON.stringify(JSON.stringify(body.value))}: strict decoding error: ${strict}`,
    );
  }
}
