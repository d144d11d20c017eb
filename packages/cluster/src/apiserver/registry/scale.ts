import { formatLabelSelector, type KubernetesObject, notFound } from '@palisade/kubernetes';
import type { Core, Scope } from '../core.ts';
import { cloneObject, decodeBody, type ParsedBody } from './decode-body.ts';
import { applyPatch } from './patch.ts';
import { getObject } from './read.ts';
import { updateObject } from './update.ts';

const SCALE = { group: 'autoscaling', version: 'v1', kind: 'Scale' };

/** The autoscaling/v1 Scale of an object that has replicas. */
export function scaleOf(object: KubernetesObject): KubernetesObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = object['spec']?.selector;
  const text = selector === undefined ? '' : formatLabelSelector(isLabelSelector(selector) ? selector : { matchLabels: selector });
  return {
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: { name: name!, namespace: namespace!, uid: uid!, resourceVersion: resourceVersion!, creationTimestamp: creationTimestamp! },
    spec: { replicas: object['spec']?.replicas ?? 0 },
    status: { replicas: object['status']?.replicas ?? 0, ...(text === '' ? {} : { selector: text }) },
  };
}

/** ReplicationControllers have a plain map where the others have a LabelSelector. */
function isLabelSelector(selector: object): boolean {
  return 'matchLabels' in selector || 'matchExpressions' in selector;
}

export async function getScale(core: Core, scope: Scope): Promise<KubernetesObject> {
  return scaleOf((await getObject(core, scope)).object);
}

/** PUT of a Scale; without resourceVersion it is unconditional. */
export function updateScale(core: Core, scope: Scope, body: ParsedBody): Promise<KubernetesObject> {
  return writeScale(core, scope, () => decodeBody(core, scope, SCALE, body));
}

export function patchScale(core: Core, scope: Scope, type: string, patch: unknown): Promise<KubernetesObject> {
  const asScale: Scope = { ...scope, resource: { ...scope.resource, gvk: SCALE } };
  return writeScale(core, scope, (current) => {
    const value = applyPatch(core, asScale, type, patch, scaleOf(current));
    return decodeBody(core, scope, SCALE, { value, syntaxWarnings: [] });
  });
}

async function writeScale(core: Core, scope: Scope, wanted: (current: KubernetesObject) => KubernetesObject): Promise<KubernetesObject> {
  const entry = await updateObject(core, scope, {
    part: 'main',
    compute(current) {
      const scale = wanted(current);
      const next = cloneObject(current);
      next['spec'] = { ...next['spec'], replicas: scale['spec']?.replicas ?? 0 };
      const { resourceVersion, uid } = scale.metadata;
      if (resourceVersion) next.metadata.resourceVersion = resourceVersion;
      if (uid) next.metadata.uid = uid;
      if (scale.metadata.name !== undefined && scale.metadata.name !== '' && scale.metadata.name !== scope.name)
        throw notFound(scope.resource.gvr, scale.metadata.name);
      return next;
    },
  });
  return scaleOf(entry.object);
}
