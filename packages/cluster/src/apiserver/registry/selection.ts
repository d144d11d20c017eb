import { badRequest, type FieldRequirement, type KubernetesObject, parseFieldSelector, parseLabelSelector } from '@palisade/kubernetes';
import type { Selection } from '../core.ts';
import type { ServedResource } from './resource.ts';

/** Fields a kind can be selected by besides metadata.name and metadata.namespace; on stored objects. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  pods: [
    'spec.nodeName',
    'spec.restartPolicy',
    'spec.schedulerName',
    'spec.serviceAccountName',
    'spec.hostNetwork',
    'status.phase',
    'status.podIP',
    'status.podIPs',
    'status.nominatedNodeName',
  ],
  nodes: ['spec.unschedulable'],
  namespaces: ['status.phase'],
  services: ['spec.clusterIP', 'spec.type'],
  secrets: ['type'],
  events: [
    'involvedObject.kind',
    'involvedObject.namespace',
    'involvedObject.name',
    'involvedObject.uid',
    'involvedObject.apiVersion',
    'involvedObject.resourceVersion',
    'involvedObject.fieldPath',
    'reason',
    'reportingComponent',
    'source',
    'type',
  ], // prettier-ignore
  replicationcontrollers: ['status.replicas'],
  'jobs.batch': ['status.successful'],
  'certificatesigningrequests.certificates.k8s.io': ['spec.signerName'],
};

/** events.k8s.io calls them otherwise. */
const ALIASES: Readonly<Record<string, string>> = {
  'regarding.kind': 'involvedObject.kind',
  'regarding.namespace': 'involvedObject.namespace',
  'regarding.name': 'involvedObject.name',
  'regarding.uid': 'involvedObject.uid',
  'regarding.apiVersion': 'involvedObject.apiVersion',
  'regarding.resourceVersion': 'involvedObject.resourceVersion',
  'regarding.fieldPath': 'involvedObject.fieldPath',
  reportingController: 'reportingComponent',
};

export type ObjectFilter = (object: KubernetesObject) => boolean;

export interface CompiledSelection {
  /** undefined means everything matches. */
  readonly filter: ObjectFilter | undefined;
  /** Set when the selection names one object: it is looked up instead of searched. */
  readonly name: string | undefined;
}

/** @throws StatusError 400 for text that does not parse or a field the kind is not selectable by */
export function compileSelection(resource: ServedResource, selection: Selection): CompiledSelection {
  const filters: ObjectFilter[] = [];
  let name: string | undefined;
  if (selection.labelSelector) {
    const matches = parseLabelSelector(selection.labelSelector);
    filters.push((object) => matches(object.metadata.labels));
  }
  if (selection.fieldSelector) {
    for (const requirement of parseFieldSelector(selection.fieldSelector)) {
      const read = fieldReader(resource, requirement);
      const wanted = requirement.value;
      filters.push(requirement.op === '=' ? (object) => read(object) === wanted : (object) => read(object) !== wanted);
      if (requirement.field === 'metadata.name' && requirement.op === '=') name = wanted;
    }
  }
  const filter =
    filters.length === 0
      ? undefined
      : filters.length === 1
        ? filters[0]
        : (object: KubernetesObject) => filters.every((one) => one(object));
  return { filter, name };
}

function fieldReader(resource: ServedResource, { field }: FieldRequirement): (object: KubernetesObject) => string {
  if (field === 'metadata.name') return (object) => object.metadata.name ?? '';
  if (field === 'metadata.namespace') return (object) => object.metadata.namespace ?? '';
  const stored = ALIASES[field] ?? field;
  if (resource.selectableFields?.includes(field)) {
    const path = field.split('.');
    // biome-ignore lint/suspicious/noExplicitAny: walks a wire object
    return (object) => String(path.reduce((at: any, step) => at?.[step], object) ?? '');
  }
  if (!FIELDS[resource.storeType]?.includes(stored)) {
    throw badRequest(
      FIELDS[resource.storeType] === undefined && !resource.selectableFields?.length
        ? `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`
        : `field label not supported: ${field}`,
    );
  }
  if (stored === 'source') return (object) => object['source']?.component || object['reportingComponent'] || '';
  if (stored === 'status.successful') return (object) => String(object['status']?.succeeded ?? 0);
  const path = stored.split('.');
  const fallback = stored === 'spec.unschedulable' || stored === 'spec.hostNetwork' ? 'false' : stored === 'status.replicas' ? '0' : '';
  return (object) => {
    // biome-ignore lint/suspicious/noExplicitAny: walks a wire object
    let value: any = object;
    for (const step of path) value = value?.[step];
    return value === undefined || value === null ? fallback : String(value);
  };
}
