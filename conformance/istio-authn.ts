/** Istio's PeerAuthentication merges: policies of one workload in, mode and modes by port out. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mergePeerAuthentication, parsePeerAuthentication } from '@palisade/mesh';
import type { CaseResult, Suite } from './suite.ts';

interface Case {
  name: string;
  policies: {
    name: string;
    namespace: string;
    createdSec?: number;
    selector?: Record<string, string>;
    mode: string | null;
    portLevelMtls?: Record<string, string | null>;
  }[];
  want: { mode: string; perPort?: Record<string, string> };
}

/** Labels that every selector of the table fits: its policies are "already selected". */
const workload = { namespace: 'my-ns', labels: { app: 'foo', stage: 'prod' } };
const base = Date.parse('2026-01-01T00:00:00Z');

function judge(entry: Case, rootNamespace: string): CaseResult {
  const mtls = (mode: string | null) => (mode === null ? {} : { mtls: { mode } });
  const policies = entry.policies.map((policy) =>
    parsePeerAuthentication({
      apiVersion: 'security.istio.io/v1',
      kind: 'PeerAuthentication',
      metadata: {
        name: policy.name,
        namespace: policy.namespace,
        creationTimestamp: new Date(base + (policy.createdSec ?? 0) * 1000).toISOString(),
      },
      spec: {
        ...(policy.selector && { selector: { matchLabels: policy.selector } }),
        ...mtls(policy.mode),
        ...(policy.portLevelMtls && {
          portLevelMtls: Object.fromEntries(
            Object.entries(policy.portLevelMtls).map(([port, mode]) => [port, mode === null ? null : { mode }]),
          ),
        }),
      },
    }),
  );
  const merged = mergePeerAuthentication(policies, workload, rootNamespace);
  const found = JSON.stringify({ mode: merged.mode, perPort: Object.fromEntries(merged.ports) });
  const wanted = JSON.stringify({ mode: entry.want.mode, perPort: entry.want.perPort ?? {} });
  return found === wanted
    ? { name: entry.name, status: 'pass' }
    : { name: entry.name, status: 'fail', detail: `${found}, expected ${wanted}` };
}

async function run(dataDir: string): Promise<CaseResult[]> {
  const table: { rootNamespace: string; cases: Case[] } = JSON.parse(
    readFileSync(join(dataDir, 'istio/authn/peerauthentication-cases.json'), 'utf8'),
  );
  return table.cases.map((entry) => judge(entry, table.rootNamespace));
}

export const suites: Suite[] = [{ name: 'authn', run }];
