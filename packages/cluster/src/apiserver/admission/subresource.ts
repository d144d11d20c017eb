/**
 * What webhooks are asked about a subresource that is no view of the object itself: a Binding, an Eviction, a Scale, the options of an
 * exec. Rules name the parent's resource (`pods/binding`), the object is of the subresource's own kind.
 */
import { badRequest, type GroupVersionKind, type KubernetesObject } from '@palisade/kubernetes';
import type { Core, Scope } from '../core.ts';
import { isTrue } from '../http/request.ts';
import { builtinModel } from '../registry/builtin-model.ts';
import { refuseOtherNamespace } from '../registry/decode-body.ts';

/** The same request, about an object of another kind. */
export function scopeOfKind(core: Core, scope: Scope, gvk: GroupVersionKind): Scope {
  return { ...scope, resource: { ...scope.resource, gvk, model: builtinModel(core.schemas, gvk) } };
}

/** What is posted to a subresource. @returns what the webhooks make of it @throws StatusError when one denies */
export async function admitPosted(core: Core, scope: Scope, gvk: GroupVersionKind, object: KubernetesObject): Promise<KubernetesObject> {
  refuseOtherNamespace(scope, object);
  const asked = scopeOfKind(core, scope, gvk);
  const admitted = await core.admission.mutate(asked, 'CREATE', object, undefined);
  await core.admission.validate(asked, 'CREATE', admitted, undefined);
  return admitted;
}

/** What replaces a subresource. @returns what the webhooks make of it @throws StatusError when one denies */
export async function admitReplaced(core: Core, asked: Scope, object: KubernetesObject, old: KubernetesObject): Promise<KubernetesObject> {
  const admitted = await core.admission.mutate(asked, 'UPDATE', object, old);
  await core.admission.validate(asked, 'UPDATE', admitted, old);
  return admitted;
}

type FieldType = 'text' | 'texts' | 'flag' | 'numbers';

/** Options of connections (core/v1): they are in no schema, for nothing is stored of them. */
const CONNECTIONS = {
  PodExecOptions: { stdin: 'flag', stdout: 'flag', stderr: 'flag', tty: 'flag', container: 'text', command: 'texts' },
  PodAttachOptions: { stdin: 'flag', stdout: 'flag', stderr: 'flag', tty: 'flag', container: 'text' },
  PodPortForwardOptions: { ports: 'numbers' },
  PodProxyOptions: { path: 'text' },
  ServiceProxyOptions: { path: 'text' },
} as const satisfies Readonly<Record<string, Readonly<Record<string, FieldType>>>>;

export type Connection = keyof typeof CONNECTIONS;

/** Of all kinds; each has some. */
export interface ConnectionOptions {
  readonly stdin?: boolean;
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  readonly tty?: boolean;
  readonly container?: string;
  readonly command?: readonly string[];
}

/**
 * A connection that a client asks for in the query. Its options have no metadata, so selectors by label never take them.
 *
 * @returns the options as the webhooks want them
 * @throws StatusError when one denies, 500 for a patch that makes no options
 */
export async function admitConnection(core: Core, scope: Scope, kind: Connection, query: URLSearchParams): Promise<ConnectionOptions> {
  const asked = scopeOfKind(core, scope, { group: '', version: 'v1', kind });
  const model = { ...asked.resource.model, decode: (value: unknown) => ({ object: checked(kind, value), unknownFields: [] }) };
  const connection: Scope = { ...asked, resource: { ...asked.resource, model } };
  const options = { kind, apiVersion: 'v1', ...readOptions(kind, query) } as unknown as KubernetesObject;
  const admitted = await core.admission.mutate(connection, 'CONNECT', options, undefined);
  await core.admission.validate(connection, 'CONNECT', admitted, undefined);
  return admitted as unknown as ConnectionOptions;
}

/** Absent fields and those at zero are left out, as Go writes them. */
function readOptions(kind: Connection, query: URLSearchParams): Readonly<Record<string, unknown>> {
  const options: Record<string, unknown> = {};
  for (const [field, type] of Object.entries(CONNECTIONS[kind])) {
    const values = query.getAll(field);
    const value =
      type === 'texts' ? values : type === 'numbers' ? values.map(Number) : type === 'flag' ? isTrue(values[0] ?? null) : values[0];
    if (value !== undefined && value !== '' && value !== false && !(Array.isArray(value) && value.length === 0)) options[field] = value;
  }
  return options;
}

const CHECKS: Readonly<Record<FieldType, (value: unknown) => boolean>> = {
  text: (value) => typeof value === 'string',
  flag: (value) => typeof value === 'boolean',
  texts: (value) => Array.isArray(value) && value.every((item) => typeof item === 'string'),
  numbers: (value) => Array.isArray(value) && value.every(Number.isInteger),
};

function checked(kind: Connection, value: unknown): KubernetesObject {
  const options = value as Readonly<Record<string, unknown>>;
  for (const [field, type] of Object.entries(CONNECTIONS[kind]))
    if (options[field] !== undefined && !CHECKS[type](options[field]))
      throw badRequest(
        `${kind} in version "v1" cannot be handled as a ${kind}: ${field}: ${JSON.stringify(options[field])} is of a wrong type`,
      );
  return value as KubernetesObject;
}
