import { badRequest, conflict, invalid, type KubernetesObject, notFound } from '@palisade/kubernetes';
import { admitNodeToken } from '../admission/node-restriction.ts';
import { admitPosted, scopeOfKind } from '../admission/subresource.ts';
import { type Core, readObject, type Scope } from '../core.ts';
import { decodeBody, type ParsedBody } from '../registry/decode-body.ts';
import { recordManagers } from '../registry/managers.ts';
import { formatTime } from '../registry/time.ts';
import type { BoundObject, TokenService } from './service-account-tokens.ts';

const TOKEN_REQUEST = { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' };
/** KEP-1205: not shorter than ten minutes; more than 2^32 seconds is refused. */
const MIN_SECONDS = 600;
const MAX_SECONDS = 2 ** 32;

/** POST serviceaccounts/X/token. @throws StatusError 403 or 404 for accounts and objects that are not there, 422 */
export async function requestToken(core: Core, scope: Scope, tokens: TokenService, body: ParsedBody): Promise<KubernetesObject> {
  const asked = scopeOfKind(core, scope, TOKEN_REQUEST);
  const posted = asked.resource.model.applyDefaults(decodeBody(core, asked, TOKEN_REQUEST, body));
  recordManagers(core, asked, asked.resource.model.empty(), posted, undefined);
  const request = await admitPosted(core, scope, TOKEN_REQUEST, posted);
  if (request.metadata.name && request.metadata.name !== scope.name) {
    const message = `Invalid value: ${JSON.stringify(request.metadata.name)}: must match the service account name if specified`;
    throw invalid(TOKEN_REQUEST, scope.name, [{ reason: 'FieldValueInvalid', message, field: 'metadata.name' }]);
  }
  const account = readObject(core, 'serviceaccounts', scope.namespace, scope.name);
  if (account === undefined) throw notFound(scope.resource.gvr, scope.name);
  const spec = request['spec'] ?? {};
  const uid = account.metadata.uid!;
  if (request.metadata.uid && request.metadata.uid !== uid) {
    const why = `the UID in the token request (${request.metadata.uid}) does not match the UID of the service account (${uid})`;
    throw conflict({ group: TOKEN_REQUEST.group, resource: TOKEN_REQUEST.kind }, scope.name, why);
  }
  admitNodeToken(core, scope, spec);
  const seconds: number = spec.expirationSeconds;
  if (seconds < MIN_SECONDS || seconds > MAX_SECONDS) {
    const message = `Invalid value: ${seconds}: ${seconds < MIN_SECONDS ? 'may not specify a duration less than 10 minutes' : 'may not specify a duration larger than 2^32 seconds'}`;
    throw invalid(TOKEN_REQUEST, '', [{ reason: 'FieldValueInvalid', message, field: 'spec.expirationSeconds' }]);
  }
  const audiences: string[] = spec.audiences?.length > 0 ? spec.audiences : [tokens.issuer];
  const bound = boundObject(core, scope, spec.boundObjectRef);
  const nodeName: string | undefined =
    bound?.kind === 'Pod' ? readObject(core, 'pods', scope.namespace, bound.name)?.['spec']?.nodeName : undefined;
  const node = nodeName === undefined ? undefined : readObject(core, 'nodes', '', nodeName);
  const { token, expires } = await tokens.issue({
    namespace: scope.namespace,
    serviceAccount: scope.name,
    serviceAccountUid: uid,
    audiences,
    expirationSeconds: seconds,
    ...(bound === undefined ? {} : { bound }),
    ...(node === undefined ? {} : { node: { name: node.metadata.name!, uid: node.metadata.uid! } }),
  });
  return {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { ...request.metadata, name: scope.name, namespace: scope.namespace, uid, creationTimestamp: formatTime(core.clock()) },
    spec: { audiences, expirationSeconds: seconds, boundObjectRef: spec.boundObjectRef ?? null },
    status: { token, expirationTimestamp: formatTime(expires) },
  };
}

interface ObjectReference {
  apiVersion?: string;
  kind?: string;
  name?: string;
  uid?: string;
}

function boundObject(core: Core, scope: Scope, ref: ObjectReference | undefined): BoundObject | undefined {
  if (ref === undefined || ref === null) return undefined;
  const { kind, name = '' } = ref;
  if (kind !== 'Pod' && kind !== 'Secret' && kind !== 'Node') {
    throw badRequest(
      `cannot bind token to object of type ${ref.apiVersion?.includes('/') ? '' : '/'}${ref.apiVersion ?? ''}, Kind=${kind ?? ''}`,
    );
  }
  const resource = kind === 'Pod' ? 'pods' : kind === 'Secret' ? 'secrets' : 'nodes';
  const object = readObject(core, resource, kind === 'Node' ? '' : scope.namespace, name);
  if (object === undefined) throw notFound({ group: '', resource }, name);
  const uid = object.metadata.uid!;
  if (ref.uid !== undefined && ref.uid !== '' && ref.uid !== uid) {
    throw conflict(
      { group: '', resource: kind },
      name,
      `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  }
  if (kind === 'Pod' && object['spec']?.serviceAccountName !== scope.name) {
    throw badRequest(`cannot bind token for serviceaccount "${scope.name}" to pod running with different serviceaccount name.`);
  }
  return { kind, name, uid };
}
