/** Istio's AuthorizationPolicy goldens: policies and MeshConfig in, Envoy filters out, compared as messages. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubernetesObject } from '@palisade/kubernetes';
import {
  type AuthorizationPolicy,
  compileHttpAuthorization,
  compileHttpCustom,
  compileTcpAuthorization,
  compileTcpCustom,
  parseAuthorizationPolicy,
  readExtensionProviders,
  selectAuthorizationPolicies,
} from '@palisade/mesh';
import { parse, parseAllDocuments } from 'yaml';
import { difference, readFilter } from './istio-lib/filters.ts';
import type { CaseResult, Suite } from './suite.ts';

interface Case {
  area: 'http' | 'tcp';
  name: string;
  input: string;
  want: string[];
  custom?: boolean;
  provider?: string;
  trustDomain?: string;
  aliases?: string[];
}

interface Cases {
  workload: { namespace: string; labels: Record<string, string> };
  providers: Record<string, unknown>;
  cases: Case[];
}

function judge(folder: string, table: Cases, entry: Case): CaseResult {
  const name = `${entry.area} ${entry.name}`;
  const golden = entry.want.map((file) => readFilter(parse(readFileSync(join(folder, file), 'utf8')), entry.area));
  const documents = parseAllDocuments(readFileSync(join(folder, entry.input), 'utf8'));
  const objects = documents.map((document) => document.toJS() as KubernetesObject | null).filter((object) => object !== null);
  const policies = selectAuthorizationPolicies(objects.map(parseAuthorizationPolicy), table.workload, 'istio-system');
  const detail = difference(compile(entry, policies, table), golden);
  return detail === undefined ? { name, status: 'pass' } : { name, status: 'fail', detail };
}

function compile(entry: Case, policies: AuthorizationPolicy[], table: Cases) {
  const trustDomains = { local: entry.trustDomain ?? 'cluster.local', aliases: entry.aliases ?? [] };
  if (!entry.custom)
    return entry.area === 'tcp' ? compileTcpAuthorization(policies, trustDomains) : compileHttpAuthorization(policies, trustDomains);
  const known = 'my-custom-ext-authz.foo.svc.cluster.local';
  const findService = (host: string, namespace: string | undefined) =>
    host === known && (namespace ?? 'foo') === 'foo' ? host : undefined;
  const providers = readExtensionProviders([table.providers[entry.provider!]], 'extensionProviders', findService);
  return entry.area === 'tcp'
    ? compileTcpCustom(policies, { trustDomains, providers })
    : compileHttpCustom(policies, { trustDomains, providers });
}

async function run(dataDir: string): Promise<CaseResult[]> {
  const folder = join(dataDir, 'istio/authz');
  const table: Cases = JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8'));
  return table.cases.map((entry) => {
    try {
      return judge(folder, table, entry);
    } catch (error) {
      return { name: `${entry.area} ${entry.name}`, status: 'fail', detail: (error as Error).message };
    }
  });
}

export const suites: Suite[] = [{ name: 'authz', run }];
