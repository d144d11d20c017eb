/**
 * RBAC v1alpha1: the filters that Istio 1.4 and 1.5 made of ServiceRoles and bindings, interpreted, against the verdict of ours, on
 * requests built from the values of both.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubernetesObject } from '@palisade/kubernetes';
import {
  type AuthzFacts,
  convertLegacyRbac,
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

/** Pairs of `istioctl` 1.5's converter: the policies by name and spec, in its style; inputs it refused have problems. */
function judgeConversion(folder: string, name: string): CaseResult {
  const load = (file: string) =>
    parseAllDocuments(readFileSync(join(folder, file), 'utf8'))
      .map((document) => document.toJS() as KubernetesObject | null)
      .filter((object) => object !== null);
  const objects = load(`${name}.yaml`);
  const ofKind = (kind: string) => objects.filter((object) => object.kind === kind);
  const services = ['service-bookinfo.yaml', 'service-httpbin.yaml'].flatMap(load).map(({ metadata, spec }) => ({
    namespace: metadata.namespace!,
    name: metadata.name!,
    hostname: `${metadata.name}.${metadata.namespace}.svc.cluster.local`,
    selector: spec.selector as Record<string, string>,
  }));
  const conversion = convertLegacyRbac(
    {
      configs: ofKind('ClusterRbacConfig').map(parseRbacConfig),
      roles: ofKind('ServiceRole').map(parseServiceRole),
      bindings: ofKind('ServiceRoleBinding').map(parseServiceRoleBinding),
    },
    services,
    { rootNamespace: 'my-root-namespace', style: 'istioctl', isConfigOptional: name.startsWith('policy-ignore-') },
  );
  const label = `converter ${name}`;
  if (name.startsWith('error-')) {
    return conversion.problems.length > 0
      ? { name: label, status: 'pass' }
      : { name: label, status: 'fail', detail: 'converted without a problem' };
  }
  const show = (
    policies: readonly { readonly metadata: { readonly name?: string; readonly namespace?: string }; readonly spec?: unknown }[],
  ) => policies.map(({ metadata, spec }) => canonical({ name: metadata.name, namespace: metadata.namespace, spec })).sort();
  const [own, wanted] = [show(conversion.policies), show(load(`${name}-want.yaml`))];
  const different = own.findIndex((text, index) => text !== wanted[index]);
  if (different < 0 && own.length === wanted.length) return { name: label, status: 'pass' };
  return {
    name: label,
    status: 'fail',
    detail: `${own.length} policies, expected ${wanted.length}; ${own[different]} expected ${wanted[different]}`,
  };
}

/** JSON with sorted members: the order of fields says nothing. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`)
    .join(',')}}`;
}

async function run(dataDir: string): Promise<CaseResult[]> {
  const home = join(dataDir, 'istio/legacy');
  const converter = join(home, '1.5.10/istioctl-authz/converter');
  const inputs = readdirSync(converter)
    .map((file) => file.replace(/\.yaml$/, ''))
    .filter((name) => /^error-/.test(name) || existsSync(join(converter, `${name}-want.yaml`)));
  const verdicts = ['1.4.10', '1.5.10'].flatMap((release) => {
    const folder = join(home, release, 'authz-builder/v1alpha1');
    const names = readdirSync(folder)
      .filter((file) => file.endsWith('-in.yaml'))
      .map((file) => file.replace(/-in\.yaml$/, ''));
    return names.filter((name) => existsSync(join(folder, `${name}-out.yaml`))).map((name) => judge(folder, release, name));
  });
  return [...verdicts, ...inputs.map((name) => judgeConversion(converter, name))];
}

export const suites: Suite[] = [{ name: 'legacy', run }];
