/** The wire object of a RequestAuthentication into its checked form (istio.io/api security/v1beta1 JWTRule). */
import type { KubernetesObject } from '@palisade/kubernetes';
import type { JwtRule, RequestAuthentication, TokenHeader } from '../authn/request-authentication.ts';
import { notYet, readFields, readFlag, readList, readOptional, readSelector, readString, readStrings, refuse, targetRefs } from './read.ts';

const ruleFields = [
  'issuer',
  'audiences',
  'jwksUri',
  'jwks',
  'fromHeaders',
  'fromParams',
  'fromCookies',
  'outputPayloadToHeader',
  'outputClaimToHeaders',
  'forwardOriginalToken',
] as const;
const ruleNotYet = { ...notYet('presence', 'spaceDelimitedClaims', 'timeout'), jwks_uri: 'write jwksUri' };

/** Refuses the whole object with MeshError when anything in it does not fit. */
export function parseRequestAuthentication(object: KubernetesObject): RequestAuthentication {
  const { name = '', namespace = 'default', creationTimestamp } = object.metadata;
  const spec = readFields(object['spec'], 'spec', ['selector', 'jwtRules'], targetRefs) ?? {};
  const selector = readSelector(spec['selector'], 'spec.selector');
  return {
    namespace,
    name,
    createdSeconds: creationTimestamp ? Date.parse(creationTimestamp) / 1000 : 0,
    ...(selector === undefined ? {} : { selector }),
    rules: (readList(spec['jwtRules'], 'spec.jwtRules') ?? []).map((rule, index) => readJwtRule(rule, `spec.jwtRules[${index}]`)),
  };
}

/** One rule of `spec.jwtRules`. */
export function readJwtRule(value: unknown, field: string): JwtRule {
  const rule = readFields(value, field, ruleFields, ruleNotYet) ?? refuse(field, 'missing');
  const optional = (name: (typeof ruleFields)[number]) => readOptional(rule[name], `${field}.${name}`);
  const [jwks, jwksUri] = [optional('jwks'), optional('jwksUri')];
  if (jwks !== undefined && jwksUri !== undefined) refuse(`${field}.jwks`, 'cannot stand beside jwksUri');
  if (jwksUri !== undefined && !/^https?:$/.test(URL.parse(jwksUri)?.protocol ?? ''))
    refuse(`${field}.jwksUri`, `"${jwksUri}" is no http or https URL`);
  if (jwks !== undefined) checkJwks(jwks, `${field}.jwks`);
  const payloadHeader = optional('outputPayloadToHeader');
  return {
    issuer: optional('issuer') ?? refuse(`${field}.issuer`, 'missing: a rule for the tokens of any issuer is not yet supported'),
    audiences: readStrings(rule['audiences'], `${field}.audiences`),
    ...(jwks === undefined ? {} : { jwks }),
    ...(jwksUri === undefined ? {} : { jwksUri }),
    fromHeaders: (readList(rule['fromHeaders'], `${field}.fromHeaders`) ?? []).map((header, index) =>
      readHeader(header, `${field}.fromHeaders[${index}]`),
    ),
    fromParams: readStrings(rule['fromParams'], `${field}.fromParams`),
    fromCookies: readStrings(rule['fromCookies'], `${field}.fromCookies`),
    ...(payloadHeader === undefined ? {} : { payloadHeader: checkHeaderName(payloadHeader, `${field}.outputPayloadToHeader`) }),
    claimHeaders: (readList(rule['outputClaimToHeaders'], `${field}.outputClaimToHeaders`) ?? []).map((entry, index) => {
      const where = `${field}.outputClaimToHeaders[${index}]`;
      const fields = readFields(entry, where, ['header', 'claim']) ?? refuse(where, 'missing');
      return {
        header: checkPlainName(readString(fields['header'], `${where}.header`), `${where}.header`),
        claim: readString(fields['claim'], `${where}.claim`),
      };
    }),
    isTokenForwarded: readFlag(rule['forwardOriginalToken'], `${field}.forwardOriginalToken`),
  };
}

function readHeader(value: unknown, field: string): TokenHeader {
  const header = readFields(value, field, ['name', 'prefix']) ?? refuse(field, 'missing');
  return {
    name: checkHeaderName(readString(header['name'], `${field}.name`), `${field}.name`),
    prefix: readOptional(header['prefix'], `${field}.prefix`) ?? '',
  };
}

function checkHeaderName(name: string, field: string): string {
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name) ? name : refuse(field, `"${name}" is no header name`);
}

/** Of a header that the proxy writes. */
function checkPlainName(name: string, field: string): string {
  return /^[-_A-Za-z0-9]+$/.test(name) ? name : refuse(field, `"${name}": expected letters, digits, "-" and "_"`);
}

function checkJwks(text: string, field: string) {
  let keys: unknown;
  try {
    keys = (JSON.parse(text) as { keys?: unknown } | null)?.keys;
  } catch {
    refuse(field, 'is no JSON');
  }
  if (!Array.isArray(keys) || keys.length === 0) refuse(field, 'expected {"keys": [...]} with at least one key');
}
