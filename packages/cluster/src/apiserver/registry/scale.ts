import {
  applyConfiguration,
  formatApiVersion,
  formatLabelSelector,
  internalError,
  type KubernetesObject,
  notFound,
  requireManager,
} from '@palisade/kubernetes';
import type { Core, Scope } from '../core.ts';
import { cloneObject, decodeBody, type ParsedBody } from './decode-body.ts';
import { writerOf } from './managers.ts';
import { applyPatch } from './patch.ts';
import { getObject } from './read.ts';
import type { ScalePaths, ServedResource } from './resource.ts';
import { updateObject } from './update.ts';

const SCALE = { group: 'autoscaling', version: 'v1', kind: 'Scale' };

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

/**
 * Server-side apply of a Scale: whoever applies it owns the replicas of the object itself, by the subresource.
 *
 * @throws StatusError 409 when somebody else owns them and `force` is not set
 */
export async function applyScale(core: Core, scope: Scope, body: ParsedBody, force: boolean): Promise<KubernetesObject> {
  requireManager(scope.fieldManager);
  const scale = decodeBody(core, scope, SCALE, body);
  const { resource } = scope;
  const configuration: KubernetesObject = {
    apiVersion: formatApiVersion(resource.gvk.group, resource.gvk.version),
    kind: resource.gvk.kind,
    metadata: { name: scope.name },
  };
  write(configuration, (resource.scalePaths ?? USUAL_PATHS).replicas, scale['spec']?.replicas ?? 0);
  const entry = await updateObject(core, scope, {
    part: 'main',
    isApplied: true,
    compute: (current) => structuredClone(applyConfiguration(resource.model.shape(), current, configuration, writerOf(core, scope), force)),
  });
  return scaleOf(resource, entry.object);
}

/** PUT of a Scale; without resourceVersion it is unconditional. */
export function updateScale(core: Core, scope: Scope, body: ParsedBody): Promise<KubernetesObject> {
  return writeScale(core, scope, () => decodeBody(core, scope, SCALE, body));
}

export function patchScale(core: Core, scope: Scope, type: string, patch: unknown): Promise<KubernetesObject> {
  const asScale: Scope = { ...scope, resource: { ...scope.resource, gvk: SCALE } };
  return writeScale(core, scope, (current) => {
    const value = applyPatch(core, asScale, type, patch, scaleOf(scope.resource, current));
    return decodeBody(core, scope, SCALE, { value, syntaxWarnings: [] });
  });
}

async function writeScale(core: Core, scope: Scope, wanted: (current: KubernetesObject) => KubernetesObject): Promise<KubernetesObject> {
  const entry = await updateObject(core, scope, {
    part: 'main',
    compute(current) {
      const scale = wanted(current);
      const next = cloneObject(current);
      write(next, (scope.resource.scalePaths ?? USUAL_PATHS).replicas, scale['spec']?.replicas ?? 0);
      const { resourceVersion, uid } = scale.metadata;
      if (resourceVersion) next.metadata.resourceVersion = resourceVersion;
      if (uid) next.metadata.uid = uid;
      if (scale.metadata.name !== undefined && scale.metadata.name !== '' && scale.metadata.name !== scope.name)
        throw notFound(scope.resource.gvr, scale.metadata.name);
      return next;
    },
  });
  return scaleOf(scope.resource, entry.object);
}
