import {
  applyConfiguration,
  badRequest,
  builtinShape,
  cloneObject,
  formatApiVersion,
  formatLabelSelector,
  internalError,
  invalid,
  type KubernetesObject,
  managersAfterUpdate,
  managersOfScale,
  managersOfScaled,
  type Shape,
  validateCreate,
  type Writer,
} from '@palisade/kubernetes';
import { admitReplaced, scopeOfKind } from '../admission/subresource.ts';
import type { Core, Scope } from '../core.ts';
import { decodeMerged, readConfiguration } from './apply.ts';
import { decodeBody, type ParsedBody } from './decode-body.ts';
import { writerOf } from './managers.ts';
import { patchedObject } from './patch.ts';
import { getObject } from './read.ts';
import type { ScalePaths, ServedResource } from './resource.ts';
import { otherObject, updateObject } from './update.ts';

export const SCALE = { group: 'autoscaling', version: 'v1', kind: 'Scale' };

/** Where built-in kinds have it. */
const USUAL_PATHS: ScalePaths = { replicas: ['spec', 'replicas'], statusReplicas: ['status', 'replicas'] };

/** The autoscaling/v1 Scale of an object that has replicas. */
function scaleOf(resource: ServedResource, object: KubernetesObject): KubernetesObject {
  const paths = resource.scalePaths ?? USUAL_PATHS;
  const replicas = read(object, paths.replicas);
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const text = selectorText(resource, object);
  return {
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: { name: name!, namespace: namespace!, uid: uid!, resourceVersion: resourceVersion!, creationTimestamp: creationTimestamp! },
    spec: { replicas: Number(replicas ?? 0) },
    status: { replicas: Number(read(object, paths.statusReplicas) ?? 0), ...(text === '' ? {} : { selector: text }) },
  };
}

/** Custom resources keep the selector as text, if at all. */
function selectorText(resource: ServedResource, object: KubernetesObject): string {
  if (resource.scalePaths !== undefined)
    return String(resource.scalePaths.selector === undefined ? '' : (read(object, resource.scalePaths.selector) ?? ''));
  const selector = object['spec']?.selector;
  return selector === undefined ? '' : formatLabelSelector(isLabelSelector(selector) ? selector : { matchLabels: selector });
}

function read(object: unknown, path: readonly string[]): unknown {
  // biome-ignore lint/suspicious/noExplicitAny: walks a wire object
  return path.reduce((at: any, name) => at?.[name], object);
}

function write(object: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let at = object;
  for (const name of path.slice(0, -1)) {
    at[name] ??= {};
    at = at[name] as Record<string, unknown>;
  }
  at[path.at(-1)!] = value;
}

/** ReplicationControllers have a plain map where the others have a LabelSelector. */
function isLabelSelector(selector: object): boolean {
  return 'matchLabels' in selector || 'matchExpressions' in selector;
}

export async function getScale(core: Core, scope: Scope): Promise<KubernetesObject> {
  const { object } = await getObject(core, scope);
  const { scalePaths } = scope.resource;
  if (scalePaths !== undefined && read(object, scalePaths.replicas) === undefined)
    throw internalError(`the spec replicas field ".${scalePaths.replicas.join('.')}" does not exist`);
  return scaleOf(scope.resource, object);
}

/** PUT of a Scale; without resourceVersion it is unconditional. */
export function updateScale(core: Core, scope: Scope, body: ParsedBody): Promise<KubernetesObject> {
  return writeScale(core, scope, (scale) => tracked(core, scope, scale, decodeBody(core, scope, SCALE, body)));
}

export function patchScale(core: Core, scope: Scope, type: string, patch: unknown): Promise<KubernetesObject> {
  const asScale = scopeOfKind(core, scope, SCALE);
  return writeScale(core, scope, (scale) => tracked(core, scope, scale, patchedObject(core, asScale, type, patch, scale)), true);
}

/** Server-side apply of a Scale. @throws StatusError 409 when somebody else manages the replicas and `force` is not set */
export function applyScale(core: Core, scope: Scope, body: ParsedBody, force: boolean): Promise<KubernetesObject> {
  const configuration = readConfiguration(scope, SCALE, scaleShape(core), body);
  return writeScale(core, scope, (scale) =>
    decodeMerged(core, SCALE, configuration, applyConfiguration(scaleShape(core), scale, configuration, scaleWriter(core, scope), force)),
  );
}

const scaleShape = (core: Core): Shape => builtinShape(core.schemas, 'io.k8s.api.autoscaling.v1.Scale');

const scaleWriter = (core: Core, scope: Scope): Writer => ({ ...writerOf(core, scope), apiVersion: 'autoscaling/v1', leaves: [] });

/** A Scale that was updated, with its managers. */
function tracked(core: Core, scope: Scope, before: KubernetesObject, after: KubernetesObject): KubernetesObject {
  const entries = managersAfterUpdate(scaleShape(core), before, after, undefined, scaleWriter(core, scope));
  return { ...after, metadata: { ...after.metadata, managedFields: entries } };
}

/**
 * Changes the replicas of an object by what `wanted` makes of its Scale, whose managers stand for those of the replicas.
 *
 * @throws StatusError 409, 422
 */
async function writeScale(
  core: Core,
  scope: Scope,
  wanted: (scale: KubernetesObject) => KubernetesObject,
  isPatch = false,
): Promise<KubernetesObject> {
  const { resource, name } = scope;
  const path = (resource.scalePaths ?? USUAL_PATHS).replicas;
  const entry = await updateObject(core, scope, {
    part: 'main',
    isApplied: true,
    isAdmitted: true,
    async compute(current) {
      const before = scaleOf(resource, current);
      before.metadata.managedFields = managersOfScale(current.metadata.managedFields, path);
      const scale = await admitReplaced(core, scopeOfKind(core, scope, SCALE), wanted(before), before);
      const { resourceVersion, uid, managedFields, name: given } = scale.metadata;
      if (given && given !== name) throw badRequest(`the name of the object (${given}) does not match the name on the URL (${name})`);
      // What a custom object may hold is said by its own schema.
      const causes = resource.isCustom === true ? [] : validateCreate(core.schemas, scale);
      if (causes.length > 0) throw invalid(SCALE, name, causes);
      if (uid && uid !== current.metadata.uid) throw otherObject(scope, 'UID', uid, current.metadata.uid);
      const next = cloneObject(current);
      write(next, path, scale['spec']?.replicas ?? 0);
      if (resourceVersion) next.metadata.resourceVersion = resourceVersion;
      const { group, version } = resource.gvk;
      next.metadata.managedFields = managersOfScaled(current.metadata.managedFields, managedFields, path, formatApiVersion(group, version));
      return next;
    },
    ...(isPatch ? { isPatch } : {}),
  });
  return scaleOf(resource, entry.object);
}
