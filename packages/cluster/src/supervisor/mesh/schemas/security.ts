/** security.istio.io: AuthorizationPolicy, PeerAuthentication, RequestAuthentication. */
import { selector, targetRef, targetRefs } from './common.ts';
import { choice, duration, flag, list, map, message, text, texts } from './words.ts';

const either = (name: string, what: string) => ({
  [name]: texts(`${what}: one of these. "x*", "*x" and "*" stand for more.`),
  [`not${name[0]!.toUpperCase()}${name.slice(1)}`]: texts(`${what}: none of these.`),
});

const source = message('Who asks: everything it names must hold.', {
  ...either('principals', 'Identity of the peer’s certificate, as cluster.local/ns/NAMESPACE/sa/NAME'),
  ...either('requestPrincipals', 'Issuer and subject of the token, as ISSUER/SUBJECT'),
  ...either('namespaces', 'Namespace of the peer’s identity'),
  ...either('serviceAccounts', 'Service account of the peer, as NAMESPACE/NAME or NAME'),
  ...either('trustDomains', 'Trust domain of the peer’s identity'),
  ...either('ipBlocks', 'Address that the connection comes from'),
  ...either('remoteIpBlocks', 'Address of the client that X-Forwarded-For names'),
});

const operation = message('What is asked for: everything it names must hold.', {
  ...either('hosts', 'Host of the request'),
  ...either('ports', 'Port of the workload'),
  ...either('methods', 'HTTP method'),
  ...either('paths', 'Path of the request; "{*}" is one segment, "{**}" any number'),
});

const condition = message(
  'A further condition.',
  {
    key: text('Attribute, such as request.headers[x-version] or source.ip.'),
    values: texts('One of these.'),
    notValues: texts('None of these.'),
  },
  'key',
);

export const authorizationPolicy = message('Who may ask which workloads for what. CUSTOM is asked first, then DENY, then ALLOW.', {
  selector,
  targetRef,
  targetRefs,
  action: choice('What becomes of requests that a rule matches; ALLOW by default.', 'ALLOW', 'DENY', 'AUDIT', 'CUSTOM'),
  provider: message('Who decides, with action CUSTOM.', { name: text('Name of an extension provider of the mesh’s configuration.') }),
  rules: list(
    'One that matches is enough; an empty rule matches everything, no rules match nothing.',
    message('Sources, operations and conditions: of each list one must hold, of the conditions all.', {
      from: list('Who asks.', message('One alternative.', { source })),
      to: list('What is asked for.', message('One alternative.', { operation })),
      when: list('Further conditions.', condition),
    }),
  ),
});

const mtls = message('Mutual TLS.', {
  mode: choice(
    'STRICT refuses plain text, PERMISSIVE takes both, DISABLE takes plain text alone.',
    'UNSET',
    'DISABLE',
    'PERMISSIVE',
    'STRICT',
  ),
});

export const peerAuthentication = message('Whether workloads take plain text, mutual TLS or both.', {
  selector,
  mtls,
  portLevelMtls: map('The same for single ports of the workload.', mtls),
});

const jwtRule = message('One issuer whose tokens are taken.', {
  issuer: text('Issuer, as the token names it.'),
  audiences: texts('Audiences one of which the token must name.'),
  jwksUri: text('Where the issuer’s keys are.'),
  jwks_uri: text('The same, in its older spelling.'),
  jwks: text('The issuer’s keys themselves (JSON Web Key Set).'),
  fromHeaders: list(
    'Headers that carry the token; Authorization by default.',
    message('One header.', { name: text('Its name.'), prefix: text('What stands before the token, such as "Bearer ".') }, 'name'),
  ),
  fromCookies: texts('Cookies that carry the token.'),
  fromParams: texts('Parameters of the query that carry the token.'),

  outputPayloadToHeader: text('Header that tells the application the token’s content, in base64.'),
  outputClaimToHeaders: list(
    'Headers that tell the application single claims.',
    message('One claim.', { header: text('Name of the header.'), claim: text('Name of the claim.') }, 'header', 'claim'),
  ),
  spaceDelimitedClaims: texts('Claims whose text is a list, separated by spaces.'),
  forwardOriginalToken: flag('Leaves the token in the request.'),
  timeout: duration('Time to fetch the keys.'),
  presence: choice('Whether a request must carry the token.', 'OPTIONAL', 'REQUIRED'),
});

export const requestAuthentication = message(
  'Which tokens (JWT) requests may carry. A bad token is refused; that there is one is for an AuthorizationPolicy to ask.',
  { selector, targetRef, targetRefs, jwtRules: list('Issuers whose tokens are taken.', jwtRule) },
);
