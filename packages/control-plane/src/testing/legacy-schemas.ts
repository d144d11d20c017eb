/** Fields of the v1alpha1 kinds of Istio 1.1 to 1.5 (istio.io/api authentication/v1alpha1 and rbac/v1alpha1), which had no schemas. */
import type { Schema } from './schema-fields.ts';

const text: Schema = { type: 'string' };
const flag: Schema = { type: 'boolean' };
const number: Schema = { type: 'integer' };
const list = (items: Schema): Schema => ({ type: 'array', items });
const texts = list(text);
const fields = (properties: Readonly<Record<string, Schema>>): Schema => ({ type: 'object', properties });
const choice = (...values: string[]): Schema => ({ type: 'string', enum: values });

const match = fields({ exact: text, prefix: text, suffix: text, regex: text });
const jwt = fields({
  issuer: text,
  audiences: texts,
  jwksUri: text,
  jwks_uri: text,
  jwks: text,
  jwtHeaders: texts,
  jwtParams: texts,
  triggerRules: list(fields({ excludedPaths: list(match), includedPaths: list(match) })),
});
const policy = (targets: Readonly<Record<string, Schema>>): Schema =>
  fields({
    ...targets,
    peers: list(fields({ mtls: fields({ mode: choice('STRICT', 'PERMISSIVE'), allowTls: flag }), jwt })),
    peerIsOptional: flag,
    origins: list(fields({ jwt })),
    originIsOptional: flag,
    principalBinding: choice('USE_PEER', 'USE_ORIGIN'),
  });
const scope = fields({ services: texts, namespaces: texts });
const enforcement = choice('ENFORCED', 'PERMISSIVE');
const config = fields({
  mode: choice('OFF', 'ON', 'ON_WITH_INCLUSION', 'ON_WITH_EXCLUSION'),
  inclusion: scope,
  exclusion: scope,
  enforcementMode: enforcement,
  enforcement_mode: enforcement,
});

/** Group and `spec`, by kind. */
export const legacySchemas: Readonly<Record<string, readonly [group: string, schema: Schema]>> = {
  Policy: [
    'authentication.istio.io',
    policy({ targets: list(fields({ name: text, labels: fields({}), ports: list(fields({ number, name: text })) })) }),
  ],
  MeshPolicy: ['authentication.istio.io', policy({})],
  RbacConfig: ['rbac.istio.io', config],
  ServiceRole: [
    'rbac.istio.io',
    fields({
      rules: list(
        fields({
          services: texts,
          hosts: texts,
          notHosts: texts,
          paths: texts,
          notPaths: texts,
          methods: texts,
          notMethods: texts,
          ports: list(number),
          notPorts: list(number),
          constraints: list(fields({ key: text, values: texts })),
        }),
      ),
    }),
  ],
  ServiceRoleBinding: [
    'rbac.istio.io',
    fields({
      subjects: list(
        fields({
          user: text,
          names: texts,
          notNames: texts,
          group: text,
          groups: texts,
          notGroups: texts,
          namespaces: texts,
          notNamespaces: texts,
          ips: texts,
          notIps: texts,
          properties: { type: 'object', additionalProperties: text },
        }),
      ),
      roleRef: fields({ kind: text, name: text }),
      mode: enforcement,
      actions: list(fields({})),
      role: text,
    }),
  ],
};
