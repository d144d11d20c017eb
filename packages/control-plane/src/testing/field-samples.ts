/** Objects of every kind that is served, and a good value for each of their fields. */
import type { Schema } from './schema-fields.ts';

/** Objects that are taken, or were but for what is not yet served. Between them each served field has a place where a good value fits. */
export const bases: Readonly<Record<string, readonly object[]>> = {
  AuthorizationPolicy: [
    {
      selector: { matchLabels: { a: 'b' } },
      rules: [
        {
          from: [{ source: { ipBlocks: ['10.0.0.1'] } }],
          to: [{ operation: { methods: ['GET'] } }],
          when: [{ key: 'source.ip', values: ['10.0.0.1'] }],
        },
      ],
    },
    { action: 'CUSTOM', provider: { name: 'p' } },
  ],
  PeerAuthentication: [{ selector: { matchLabels: { a: 'b' } } }],
  RequestAuthentication: [
    { jwtRules: [{ issuer: 'i', fromHeaders: [{ name: 'a' }], outputClaimToHeaders: [{ header: 'a', claim: 'b' }] }] },
  ],
  DestinationRule: [
    ...[{ mode: 'ISTIO_MUTUAL' }, { mode: 'SIMPLE', clientCertificate: 'a', privateKey: 'b' }].map((tls) => {
      const trafficPolicy = { tls, portLevelSettings: [{ port: { number: 80 }, tls }] };
      return { host: 'a', trafficPolicy, subsets: [{ name: 'v1', trafficPolicy }] };
    }),
  ],
  Gateway: [
    { selector: { a: 'b' }, servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['a.b'] }] },
    {
      selector: { a: 'b' },
      servers: [{ port: { number: 443, name: 'https', protocol: 'HTTPS' }, hosts: ['a.b'], tls: { mode: 'MUTUAL', credentialName: 'c' } }],
    },
  ],
  VirtualService: [
    { hosts: ['a'], http: [{ match: [{ port: 80 }], route: [{ destination: { host: 'a' } }] }] },
    {
      hosts: ['a'],
      http: [
        {
          rewrite: { uriRegexRewrite: { match: 'a', rewrite: 'b' } },
          route: [
            { destination: { host: 'a' }, weight: 1 },
            { destination: { host: 'b' }, weight: 1 },
          ],
        },
      ],
    },
    { hosts: ['a'], http: [{ redirect: { uri: '/b' } }] },
    { hosts: ['a'], http: [{ directResponse: { status: 200 } }] },
    {
      hosts: ['a'],
      tcp: [
        {
          match: [{ port: 80 }],
          route: [
            { destination: { host: 'a' }, weight: 1 },
            { destination: { host: 'b' }, weight: 1 },
          ],
        },
      ],
    },
  ],
  Policy: [
    {
      targets: [{ name: 'a', ports: [{ number: 80 }] }],
      peers: [{ mtls: {} }],
      origins: [{ jwt: { issuer: 'i' } }],
    },
  ],
  MeshPolicy: [{ peers: [{ mtls: {} }], origins: [{ jwt: { issuer: 'i' } }] }],
  RbacConfig: [{ mode: 'ON_WITH_INCLUSION', inclusion: {} }, { mode: 'ON_WITH_EXCLUSION', exclusion: {} }, { mode: 'ON' }],
  ServiceRole: [{ rules: [{ services: ['*'], constraints: [{ key: 'source.ip', values: ['10.0.0.1'] }] }] }],
  ServiceRoleBinding: [{ subjects: [{ user: 'a' }], roleRef: { kind: 'ServiceRole', name: 'a' } }],
};

/** A good value, by the end of the path; the first that fits. Choices are tried one after the other. */
const samples: readonly (readonly [RegExp, unknown])[] = [
  [/\.(?:notI|i)pBlocks\[0\]$|emoteIpBlocks\[0\]$/, '10.1.0.0/16'],
  [/\.when\[0\]\.key$/, 'remote.ip'],
  [/\.when\[0\]\.(?:notV|v)alues\[0\]$/, '10.2.0.0/16'],
  [/\.(?:notP|p)orts\[0\]$/, '82'],
  [/\.jwks$/, '{"keys":[{}]}'],
  [/\.jwks_?[Uu]ri$/, 'https://a.example/keys'],
  [/\.constraints\[0\]\.key$/, 'remote.ip'],
  [/\.constraints\[0\]\.values\[0\]$/, '10.3.0.0/16'],
  [/\.status$/, 201],
  [/\.redirectCode$/, 302],
  [/\.redirect\.scheme$/, 'https'],
  [/\.timeout$/, '5s'],
  [/\.body\.bytes$/, 'eA=='],
  [/\.exportTo\[0\]$/, '.'],
  [/\.protocol$/, 'TCP'],
];
const byType: Readonly<Record<string, unknown>> = { string: 'x', integer: 83, number: 83, boolean: true };

/** Entries of maps, where not every key will do. */
export const keyOf = (path: string) =>
  path.endsWith('portLevelMtls') ? '8080' : path.endsWith('.properties') ? 'source.namespace' : 'x-a';

/** Good values for a field, as far as one can be good by itself. */
export function goodValues(path: string, schema: Schema): readonly unknown[] {
  return schema.enum ?? [samples.find(([pattern]) => pattern.test(path))?.[1] ?? byType[schema.type ?? '']];
}
