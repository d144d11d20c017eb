/** Policies and requests made of few words, so that they meet. */
import fc from 'fast-check';

export type Spec = Readonly<Record<string, unknown>>;

export interface Question {
  /** An address of loopback. */
  readonly from: string;
  /** Service account of the certificate; absent = comes without one. */
  readonly peer?: string;
  readonly sni?: string;
  /** Absent = a connection that is not HTTP. */
  readonly http?: {
    readonly method: string;
    readonly host: string;
    readonly path: string;
    readonly roles: readonly string[];
    /** Beside issuer `iss` and subject `sub`; absent = no token. */
    readonly claims?: Readonly<Record<string, unknown>>;
  };
}

const values = (...texts: string[]) => fc.uniqueArray(fc.constantFrom(...texts), { minLength: 1, maxLength: 2 });

/** One or two of the fields, as they are or negated. */
const fields = (arbitraries: Readonly<Record<string, fc.Arbitrary<string[]>>>) => {
  const negated = (name: string) => `not${name[0]!.toUpperCase()}${name.slice(1)}`;
  const field = fc
    .tuple(fc.constantFrom(...Object.keys(arbitraries)), fc.constantFrom(false, false, true))
    .chain(([name, isNegated]) => arbitraries[name]!.map((list) => [isNegated ? negated(name) : name, list] as const));
  return fc.array(field, { minLength: 1, maxLength: 2 }).map((list) => Object.fromEntries(list));
};

const blocks = ['127.0.0.0/30', '127.0.0.5', '0.0.0.0/0', '::1', '::/0', '::ffff:127.0.0.1', '10.0.0.0/8'] as const;
const operation = fields({
  methods: values('GET', 'P*', '*ST', '*', 'get'),
  hosts: values('DB.test', 'db.test:*', '*.TEST', 'db*', '*', '[::1]:*'),
  paths: values('/a', '/a/*', '*/b', '*', '/{*}', '/{*}/b', '/a/{**}', '/{**}/b', '/A', '/a%2Fb', '/a%2fb', '/a;x', '//b', '/a%20b'),
  ports: values('80'),
});
const source = fields({
  ipBlocks: values(...blocks),
  remoteIpBlocks: values(...blocks),
  principals: values('*', 'cluster.local/ns/default/sa/web', 'old.td/ns/default/sa/auth', '*/sa/web', 'cluster.local/*', 'web'),
  namespaces: values('default', 'def*', '*', 'other'),
  trustDomains: values('*', 'cluster.local', 'old.td', '*.local', 'x'),
  requestPrincipals: values('*', 'iss/sub', '*/sub', 'iss/*', 'iss/other'),
});
const accounts = fields({ serviceAccounts: values('web', 'default/auth', 'other/web', 'we') });
const condition = fc
  .tuple(
    fc.constantFrom(
      ...['request.headers[X-Role]', 'request.auth.claims[g]', 'request.auth.claims[n][m]', 'request.auth.claims[scope]'],
      ...['request.auth.audiences', 'request.auth.presenter', 'connection.sni', 'source.ip', 'destination.ip', 'source.serviceAccount'],
    ),
    fc.constantFrom('values', 'notValues'),
    values('admin', 'us*', '*er', '*', 'user,admin', 'db.test'),
    values(...blocks),
  )
  .map(([key, side, texts, addresses]) => ({
    key,
    [side]: key.endsWith('.ip') ? addresses : key.endsWith('Account') ? ['web'] : texts,
  }));
const some = <T>(item: fc.Arbitrary<T>) => fc.option(item, { nil: undefined, freq: 2 });
const rule = fc
  .record({ operation: some(operation), source: some(fc.oneof({ weight: 4, arbitrary: source }, accounts)), condition: some(condition) })
  .map((parts) => ({
    ...(parts.operation && { to: [{ operation: parts.operation }] }),
    ...(parts.source && { from: [{ source: parts.source }] }),
    ...(parts.condition && { when: [parts.condition] }),
  }));

export const policySets: fc.Arbitrary<Spec[]> = fc.array(
  fc.record({ action: fc.constantFrom('ALLOW', 'DENY'), rules: fc.array(rule, { minLength: 1, maxLength: 3 }) }, { noNullPrototype: true }),
  { minLength: 1, maxLength: 2 },
);

const word = fc.constantFrom('admin', 'user', 'x', 'user,admin');
const claims = fc.record(
  {
    g: fc.oneof(word, fc.array(word, { maxLength: 2 })),
    n: fc.record({ m: word }),
    aud: word,
    azp: word,
    scope: fc.constant('user admin'),
  },
  { requiredKeys: [], noNullPrototype: true },
);
const http = fc.record(
  {
    method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE'),
    host: fc.constantFrom('db.test', 'DB.TEST', 'db.test:8080', 'x.test', 'other', '[::1]:80'),
    path: fc.constantFrom(
      ...['/', '/a', '/A', '/a/', '/a/b', '/a/x/b', '/b', '//b', '/a?x=/b', '/x?/a', '/a%2Fb', '/a%2fb', '/a;x', '/a%20b'],
      ...[
        '/%61',
        '/a/./b',
        '/x/../a',
        '/a/%2e%2e/b',
        '/a\\b',
        '/a%5Cb',
        '/a%252fb',
        '/%C3%A9',
        '/a//b',
        '/a/..;/b',
        '/a|b',
        '/a/^/b',
        '/*/b',
      ],
    ),
    roles: fc.constantFrom<string[]>([], ['admin'], ['user'], ['user', 'admin'], [''], ['x'], ['', 'admin']),
    claims,
  },
  { requiredKeys: ['method', 'host', 'path', 'roles'], noNullPrototype: true },
);

export const questions: fc.Arbitrary<Question> = fc.record(
  {
    from: fc.constantFrom('127.0.0.1', '127.0.0.2', '127.0.0.5', '::1'),
    peer: fc.constantFrom('web', 'auth'),
    sni: fc.constantFrom('db.test', 'user.test'),
    http,
  },
  { requiredKeys: ['from'], noNullPrototype: true },
);
