/**
 * Every kind and field of Istio's API, from its own definitions, and of 1.1's kinds: read into the checked form or refused by name, never
 * ignored. Nonsense in a field must be refused naming it, a good value must change what the object means, and unknown fields beside it
 * must be refused.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { MeshError } from '@palisade/mesh';
import { parseAllDocuments } from 'yaml';
import { legacySchemas } from './testing/legacy-schemas.ts';
import { type Field, fieldsOf, pathOf, type Schema, withValue } from './testing/schema-fields.ts';
import { checkResource, validatedGroups } from './validate.ts';

interface Definition {
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string };
    readonly versions: readonly { readonly name: string; readonly schema: { readonly openAPIV3Schema: Schema } }[];
  };
}

const data = process.env['CONFORMANCE_DIR'] ?? fileURLToPath(new URL('../../../../shared/conformance', import.meta.url));
const file = `${data}/istio/crds/crd-all.gen.yaml`;
const skip = existsSync(file) ? false : `no ${file}: CONFORMANCE_DIR names the folder of the conformance data`;

/** Objects that are taken, or were but for what is not yet served. Between them each served field has a place where a good value fits. */
const bases: Readonly<Record<string, readonly object[]>> = {
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
    { selector: { a: 'b' }, servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['a'] }] },
    {
      selector: { a: 'b' },
      servers: [{ port: { number: 443, name: 'https', protocol: 'HTTPS' }, hosts: ['a'], tls: { mode: 'MUTUAL', credentialName: 'c' } }],
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
const keyOf = (path: string) => (path.endsWith('portLevelMtls') ? '8080' : path.endsWith('.properties') ? 'source.namespace' : 'x-a');

/** Taken and without effect, each for a reason. */
const withoutEffect: Readonly<Record<string, string>> = {
  'AuthorizationPolicy spec.provider.name': 'belongs to CUSTOM, which is refused',
  'Gateway spec.servers[0].name': 'a name for people',
  'Policy spec.principalBinding': 'request.auth.principal is the token’s under both',
  'MeshPolicy spec.principalBinding': 'the same',
};

interface Outcome {
  readonly form?: string;
  readonly refusal?: MeshError;
}

function judge(group: string, kind: string, spec: unknown): Outcome {
  try {
    const form = checkResource(
      { apiVersion: `${group}/v1`, kind, metadata: { name: 'default', namespace: 'shop' }, spec },
      'cluster.local',
    );
    return { form: JSON.stringify(form, (_, value) => (value instanceof Map ? [...(value as Map<unknown, unknown>)] : value)) };
  } catch (error) {
    if (error instanceof MeshError) return { refusal: error };
    throw error;
  }
}

/** By its path or a part of it, or because the whole that it belongs to is not served. What Istio knows is never called unknown. */
function isNamed({ refusal }: Outcome, path: string, isKnown: boolean): boolean {
  const within = (inner: string, outer: string) => inner === outer || (inner.startsWith(outer) && /^[.[]/.test(inner.slice(outer.length)));
  if (refusal === undefined) return false;
  if (/: .*not (?:yet )?supported/.test(refusal.message)) return within(path, refusal.field) || within(refusal.field, path);
  return within(refusal.field, path) && /unknown field/.test(refusal.message) !== isKnown;
}

function findProblems(group: string, kind: string, { steps, schema }: Field): string[] {
  const path = pathOf(steps);
  const owns = bases[kind]!;
  const tried = (value: unknown, at = steps) => owns.map((base) => judge(group, kind, withValue(base, at.slice(1), value)));
  const problems: string[] = [];
  const refusedByName = (what: string, outcomes: readonly Outcome[], name: string, isKnown: boolean) => {
    if (outcomes.some(({ refusal }) => refusal === undefined)) problems.push(`${name}: ${what} is taken`);
    else if (!outcomes.some((outcome) => isNamed(outcome, name, isKnown)))
      problems.push(`${name}: ${what} is refused as "${outcomes.map(({ refusal }) => refusal!.message).join('" and "')}"`);
  };
  refusedByName('nonsense', tried(schema.type === 'object' || schema.type === 'array' ? 'nonsense' : { nonsense: 1 }), path, true);
  if (schema.properties !== undefined) refusedByName('an unknown field', tried(1, [...steps, 'nonsense']), `${path}.nonsense`, false);
  if (['object', 'array'].includes(schema.type ?? '')) return problems;
  const isExcused = withoutEffect[`${kind} ${path}`] !== undefined;
  const values = schema.enum ?? [samples.find(([pattern]) => pattern.test(path))?.[1] ?? byType[schema.type ?? '']];
  const meanings = values.flatMap((value) => {
    const outcomes = tried(value);
    if (!isExcused && outcomes.every(({ refusal }) => refusal) && !outcomes.some((outcome) => isNamed(outcome, path, true)))
      problems.push(`${path}: ${JSON.stringify(value)} is refused as "${outcomes.map(({ refusal }) => refusal!.message).join('" and "')}"`);
    return outcomes;
  });
  const known = new Set(owns.map((base) => judge(group, kind, base).form));
  const hasEffect = meanings.some((outcome) => isNamed(outcome, path, true) || (outcome.form !== undefined && !known.has(outcome.form)));
  if (hasEffect === isExcused) problems.push(`${path}: ${isExcused ? 'has an effect after all' : 'good values change nothing'}`);
  return problems;
}

function checkFields(group: string, kind: string, schema: Schema): void {
  for (const base of bases[kind]!)
    assert.match(judge(group, kind, base).refusal?.message ?? 'taken', /^taken$|not yet supported$/, JSON.stringify(base));
  const problems = [...fieldsOf(schema, ['spec'], keyOf)].flatMap((field) => findProblems(group, kind, field));
  assert.deepEqual(problems, []);
}

test('every field of every version of Istio’s kinds', { skip }, async (t) => {
  const definitions = parseAllDocuments(readFileSync(file, 'utf8')).map((document) => document.toJS() as Definition);
  assert.ok(definitions.length >= 15, `${definitions.length} kinds`);
  for (const { spec } of definitions) {
    for (const { name, schema } of spec.versions) {
      await t.test(`${spec.names.kind} ${name}`, () => {
        assert.ok(
          validatedGroups.some((group) => group === spec.group),
          `${spec.group} does not come to the webhook`,
        );
        const { kind } = spec.names;
        const own = schema.openAPIV3Schema.properties!['spec']!;
        if (bases[kind] !== undefined) checkFields(spec.group, kind, own);
        else
          assert.match(judge(spec.group, kind, {}).refusal!.message, new RegExp(`^kind: ${kind} of ${spec.group} is not yet supported$`));
      });
    }
  }
});

for (const [kind, [group, schema]] of Object.entries(legacySchemas)) {
  test(`every field of 1.1’s ${kind}`, () => checkFields(group, kind, schema));
}
