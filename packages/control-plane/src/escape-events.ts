/** Tells of pods whose manifest leads past their proxy, as an Event on the pod: controllers' pods are applied by nobody who could be warned. */
import { type ApiClient, isStatusError, type KubernetesObject } from '@palisade/kubernetes';
import { findEscapes } from './inject/escapes.ts';
import { interceptionName } from './inject/names.ts';
import { isMeshNamespace } from './revision.ts';

/** @returns one Event for the pod, undefined when there is nothing to tell; its name is the pod's, so that it is told once */
export function escapeEvent(
  pod: KubernetesObject,
  namespaceLabels: Readonly<Record<string, string>>,
  now: Date,
): KubernetesObject | undefined {
  const { name = '', namespace = 'default', uid, annotations = {} } = pod.metadata;
  if (!isMeshNamespace(namespaceLabels) || annotations[interceptionName] === 'inline') return undefined;
  const escapes = findEscapes(pod);
  if (escapes.length === 0) return undefined;
  const time = now.toISOString().replace(/\.\d+Z$/, 'Z');
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { namespace, name: `${name}.mesh-escape` },
    involvedObject: { apiVersion: 'v1', kind: 'Pod', namespace, name, ...(uid === undefined ? {} : { uid }) },
    type: 'Warning',
    reason: 'MeshEscape',
    message: `Past the mesh: ${escapes.join('; ')}`,
    source: { component: 'istiod' },
    reportingComponent: 'istiod',
    reportingInstance: 'istiod',
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
  };
}

export async function tellEscape(
  client: ApiClient,
  pod: KubernetesObject,
  namespaceLabels: Readonly<Record<string, string>>,
  now: Date,
): Promise<void> {
  const event = escapeEvent(pod, namespaceLabels, now);
  if (event === undefined) return;
  try {
    await client.create({ group: '', version: 'v1', resource: 'events' }, event);
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists')) throw error;
  }
}
