/**
 * RBAC v1alpha1: the filters that Istio 1.4 and 1.5 made of ServiceRoles and bindings, interpreted, against the verdict of ours, on
 * requests built from the values of both.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubernetesObject } from '@palisade/kubernetes';
import {
  type AuthzFacts,
  evaluateAuthorization,
  parseRbacConfig,
  parseServiceRole,
  parseServiceRoleBinding,
  translateLegacyRbac,
} from '@palisade/mesh';
import { parse, parseAllDocuments } from 'yaml';
import { allowsOld, type OldRbac } from './istio-lib/old-rbac.ts';
import type { CaseResult, Suite } from './suite.ts';

/** Of the original test, by case. */
const trustDomains: Readonly<Record<string, { local: string; aliases: string[] }>> = {
  'simple-policy-td-aliases': { local: 'td1', aliases: ['cluster.local'] },
  'simple-policy-user-with-wildcard': { local: 'td1', aliases: ['foobar'] },
  'td-aliases-source-principal': { local: 'new-td', aliases: ['old-td', 'some-trustdomain'] },
};
const plainDomains = { local: 'cluster.local', aliases: [] };

const workload = {
  namespace: 'foo',
  labels: {},
  serviceAccount: 'httpbin',
  trustDomain: 'cluster.local',
  services: ['httpbin.foo.svc.cluster.local'],
};

/** Each respect's values; the first of each are those that the fullest policy asks for. */
const respects: Readonly<Record<string, readonly unknown[]>> = {
  method: ['method', 'GET', 'method-prefix-x', 'x-suffix-method', 'POST'],
  path: ['/exact', '/prefix/x', '/x/suffix', '/other'],
  header: ['header', 'header-prefix-x', 'x-suffix-header', 'x', undefined],
  destinationIp: ['10.10.10.10', '192.168.10.7', '192.168.11.7'],
  destinationPort: [91, 92, 93],
  sourceIp: ['1.2.3.4', '1.2.3.5'],
  metadata: ['experimental', 'x', undefined],
  peer: [
    'user',
    'source-principal',
    'cluster.local/ns/source-ns/sa/x',
    'td1/ns/istio-system/sa/http-viewer',
    'cluster.local/ns/istio-system/sa/http-viewer',
    'td2/ns/istio-system/sa/http-viewer',
    'x/ns/foo/sa/bar',
    'td1/ns/foo/sa/bar',
    'zbar/ns/foo/sa/bar',
    'x/ns/foo/sa/all-td',
    'old-td/ns/foo/sa/prefix-td',
    'some-trustdomain/ns/foo/sa/prefix-td',
    'other/ns/foo/sa/prefix-td',
    undefined,
  ],
  claims: [
    { iss: 'request-claims', sub: 's', aud: 'request-audiences', azp: 'request-presenter', groups: ['some-group'] },
    { iss: 'i', sub: 's', aud: 'a', azp: 'p' },
    { iss: 'i', sub: 's', groups: ['other'] },
    undefined,
  ],
};

function factsOf(choice: Readonly<Record<string, unknown>>): AuthzFacts {
  const { method, path, header, peer, metadata } = choice as Readonly<Record<string, string | undefined>>;
  const claims = choice['claims'] as Readonly<Record<string, unknown>> | undefined;
  return {
    ...(peer === undefined ? {} : { peer: `spiffe://${peer}` }),
    sourceIp: choice['sourceIp'] as string,
    remoteIp: choice['sourceIp'] as string,
    destinationIp: choice['destinationIp'] as string,
    destinationPort: choice['destinationPort'] as number,
    ...(metadata === undefined ? {} : { metadata: { 'envoy.filters.network.mysql_proxy': { 'db.table': metadata } } }),
    http: {
      method: method!,
      path: path!,
      authority: 'httpbin',
      headers: new Map(header === undefined ? [] : [['x-header', [header]]]),
      ...(claims === undefined ? {} : { claims }),
    },
  };
}

/** The request of every first value, and all that differ from it in its peer, its claims and one or two respects more. */
function* requests(): Generator<AuthzFacts> {
  const names = Object.keys(respects);
  const base = Object.fromEntries(names.map((name) => [name, respects[name]![0]]));
  const pairs = names.flatMap((a, index) => names.slice(index + 1).map((b) => [a, b, 'peer', 'claims'] as const));
  for (const chosen of pairs) yield* vary(base, [...new Set(chosen)]);
}

function* vary(request: Readonly<Record<string, unknown>>, [first, ...rest]: string[]): Generator<AuthzFacts> {
  if (first === undefined) yield factsOf(request);
  else for (const value of respects[first]!) yield* vary({ ...request, [first]: value }, rest);
}

function judge(folder: string, release: string, name: string): CaseResult {
  const objects = parseAllDocuments(readFileSync(join(folder, `${name}-in.yaml`), 'utf8')).map(
    (document) => document.toJS() as KubernetesObject,
  );
  const ofKind = (kind: string) => objects.filter((object) => object?.kind === kind);
  const domains = trustDomains[name] ?? plainDomains;
  const policies = translateLegacyRbac(
    {
      configs: ofKind('ClusterRbacConfig').map(parseRbacConfig),
      roles: ofKind('ServiceRole').map(parseServiceRole),
      bindings: ofKind('ServiceRoleBinding').map(parseServiceRoleBinding),
      starPrincipal: 'anyone',
    },
    workload,
  );
  const golden = (parse(readFileSync(join(folder, `${name}-out.yaml`), 'utf8')) as { rules: OldRbac }).rules;
  const seen = new Set<boolean>();
  for (const facts of requests()) {
    const [own, wanted] = [evaluateAuthorization(policies, facts, domains).isAllowed, allowsOld(golden, facts)];
    seen.add(wanted);
    if (own !== wanted)
      return {
        name: `${release} ${name}`,
        status: 'fail',
        detail: `${own ? 'allowed' : 'denied'}: ${JSON.stringify(facts, (_, v) => (v instanceof Map ? [...v] : v))}`,
      };
  }
  if (seen.size < 2) return { name: `${release} ${name}`, status: 'fail', detail: 'the requests saw only one verdict' };
  return { name: `${release} ${name}`, status: 'pass' };
}

async function run(dataDir: string): Promise<CaseResult[]> {
  return ['1.4.10', '1.5.10'].flatMap((release) => {
    const folder = join(dataDir, 'istio/legacy', release, 'authz-builder/v1alpha1');
    const names = readdirSync(folder)
      .filter((file) => file.endsWith('-in.yaml'))
      .map((file) => file.replace(/-in\.yaml$/, ''));
    return names.filter((name) => existsSync(join(folder, `${name}-out.yaml`))).map((name) => judge(folder, release, name));
  });
}

export const suites: Suite[] = [{ name: 'legacy', run }];
