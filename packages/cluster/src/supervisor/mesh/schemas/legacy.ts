/** authentication.istio.io and rbac.istio.io v1alpha1, with the fields that are read, both spellings where both were written. */
import { choice, flag, list, message, port, type Schema, text, textMap, texts } from './words.ts';

const spellings = (camel: string, snake: string, schema: Schema) => ({ [camel]: schema, [snake]: schema });

const pattern = message('A text, compared in one way.', {
  exact: text('Equal to this.'),
  prefix: text('Begins with this.'),
  suffix: text('Ends with this.'),
  regex: text('Matches this RE2 expression as a whole.'),
});
const trigger = message('Paths that need the token.', {
  ...spellings('includedPaths', 'included_paths', list('These; left out: all.', pattern)),
  ...spellings('excludedPaths', 'excluded_paths', list('All but these.', pattern)),
});
const jwt = message('Tokens of one issuer.', {
  issuer: text('Issuer, as the token names it.'),
  audiences: texts('Audiences one of which the token must name.'),
  jwks: text('The issuer’s keys themselves (JSON Web Key Set).'),
  ...spellings('jwksUri', 'jwks_uri', text('Where the issuer’s keys are.')),
  jwtHeaders: texts('Headers that carry the token.'),
  jwtParams: texts('Parameters of the query that carry the token.'),
  ...spellings('triggerRules', 'trigger_rules', list('When a token is asked for; left out: always.', trigger)),
});

/** Null is as good as empty: `mtls:` alone was how STRICT was written. */
const mtls = {
  ...message('Mutual TLS.', {
    mode: choice('STRICT, the default, refuses plain text.', 'STRICT', 'PERMISSIVE'),
    allowTls: flag('Not supported.'),
  }),
  nullable: true,
};

export const authenticationPolicy = message('How callers of services prove who they are (Istio 1.1).', {
  targets: list(
    'Services of the namespace; left out: all.',
    message('One service.', {
      name: text('Its short name.'),
      ports: list('Its ports; left out: all.', message('One port.', { number: port('By number.'), name: text('By name.') })),
    }),
  ),
  peers: list('How workloads prove it; none is plain text.', message('One way.', { mtls, jwt })),
  peerIsOptional: flag('Not supported: use PERMISSIVE.'),
  origins: list('Issuers of end users’ tokens, one of which is needed.', message('One issuer.', { jwt })),
  originIsOptional: flag('Takes requests without a token.'),
  principalBinding: choice('Whom the request is counted to.', 'USE_PEER', 'USE_ORIGIN'),
});

const enforcement = choice('PERMISSIVE records what would be denied and lets it pass.', 'ENFORCED', 'PERMISSIVE');
const members = (description: string) =>
  message(description, { services: texts('Services by full name.'), namespaces: texts('Namespaces.') });

export const rbacConfig = message('Where access control is on (Istio 1.1).', {
  mode: choice('Everywhere, nowhere, or by list.', 'OFF', 'ON', 'ON_WITH_INCLUSION', 'ON_WITH_EXCLUSION'),
  inclusion: members('On for these, with ON_WITH_INCLUSION.'),
  exclusion: members('Off for these, with ON_WITH_EXCLUSION.'),
  ...spellings('enforcementMode', 'enforcement_mode', enforcement),
});

export const serviceRole = message('What may be asked for (Istio 1.1).', {
  rules: list(
    'One that matches is enough.',
    message('Services, methods, paths and constraints: all must hold.', {
      services: texts('Services by full name; "x*", "*x" and "*" stand for more.'),
      methods: texts('HTTP methods.'),
      paths: texts('Paths.'),
      constraints: list('Further conditions.', message('One condition.', { key: text('Attribute.'), values: texts('One of these.') })),
    }),
  ),
});

export const serviceRoleBinding = message('Who has a role (Istio 1.1).', {
  subjects: list(
    'One that matches is enough.',
    message('One subject: everything it names must hold.', {
      user: text('Identity of the caller; "*" is anyone.'),
      group: text('Group that the token names.'),
      properties: textMap('Attributes of the caller.'),
    }),
  ),
  roleRef: message('The role.', { apiGroup: text('rbac.istio.io.'), kind: text('ServiceRole.'), name: text('Its name.') }),
  mode: enforcement,
});
