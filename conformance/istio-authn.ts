/**
 * Istio's PeerAuthentication: merges (policies of one workload in, mode and modes by port out), and connections to ports that no
 * Service declares, judged on the compiled listener.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubernetesObject } from '@palisade/kubernetes';
import {
  compileInbound,
  mergePeerAuthentication,
  parseAuthorizationPolicy,
  parsePeerAuthentication,
  planTokens,
  selectAuthorizationPolicies,
} from '@palisade/mesh';
import { interpretRbac, selectChain } from '@palisade/mesh/testing';
import type { Listener } from '@palisade/xds/api/envoy/config/listener/v3/listener';
import { RBAC_Action } from '@palisade/xds/api/envoy/config/rbac/v3/rbac';
import { parseAllDocuments } from 'yaml';
import { rbacOf } from './istio-lib/filters.ts';
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

interface UndeclaredCase {
  name: string;
  config: string;
  expected: { port: keyof typeof undeclaredPorts; plaintext: boolean; mtls: boolean }[];
}

const undeclaredPorts = { TCPWorkloadOnly: 19_092, HTTPWorkloadOnly: 18_085 };

function judgeUndeclared(entry: UndeclaredCase): CaseResult[] {
  const text = entry.config
    .replaceAll('{{ .To.ServiceName }}', 'server')
    .replaceAll(/\{\{ \(\.To\.PortForName "tcp-wl-only"\)\.WorkloadPort \}\}/g, '19092');
  const objects = parseAllDocuments(text).map((document) => {
    const object = document.toJS() as KubernetesObject;
    return { ...object, metadata: { ...object.metadata, namespace: 'my-ns' } };
  });
  const ofKind = (kind: string) => objects.filter((object) => object.kind === kind);
  const place = { namespace: 'my-ns', labels: { app: 'server' } };
  const { listener } = compileInbound({
    ports: [],
    mtls: mergePeerAuthentication(ofKind('PeerAuthentication').map(parsePeerAuthentication), place, 'root-namespace'),
    authorization: selectAuthorizationPolicies(ofKind('AuthorizationPolicy').map(parseAuthorizationPolicy), place, 'root-namespace'),
    tokens: planTokens([]),
    findJwks: () => undefined,
    providers: new Map(),
    trustDomains: { local: 'cluster.local', aliases: [] },
    pathNormalization: 'BASE',
    accessLogs: { chain: () => [], refused: [] },
    appSource: { ipv4: '127.0.0.6', ipv6: '::6' },
  });
  return entry.expected.flatMap(({ port, ...expected }) =>
    (['plaintext', 'mtls'] as const).map((kind) => {
      const name = `undeclared port, ${entry.name}: ${kind} to ${port}`;
      const found = isAccepted(listener, undeclaredPorts[port], kind === 'mtls', port === 'HTTPWorkloadOnly');
      return found === expected[kind] ? { name, status: 'pass' } : { name, status: 'fail', detail: `${found ? 'accepted' : 'refused'}` };
    }),
  );
}

/** A connection is served when a chain takes it, in the way the client speaks, and no authorization filter there refuses it. */
function isAccepted(listener: Listener, port: number, isMutual: boolean, isHttp: boolean): boolean {
  const mesh = isHttp ? ['istio-http/1.1', 'istio'] : ['istio'];
  const chain = selectChain(listener, {
    destinationIp: '10.0.0.9',
    destinationPort: port,
    transport: isMutual ? 'tls' : 'raw_buffer',
    applicationProtocols: isMutual ? mesh : isHttp ? ['http/1.1'] : [],
  });
  if (chain === undefined || (chain.transportSocket !== undefined) !== isMutual) return false;
  const facts = {
    ...(isMutual ? { peer: 'spiffe://cluster.local/ns/my-ns/sa/client' } : {}),
    sourceIp: '10.0.0.5',
    remoteIp: '10.0.0.5',
    destinationIp: '10.0.0.9',
    destinationPort: port,
    ...(isHttp ? { http: { method: 'GET', authority: 'server', path: '/', headers: new Map<string, string[]>() } } : {}),
  };
  return rbacOf(chain).every((rbac) => (interpretRbac(rbac, facts) !== undefined) === (rbac.action === RBAC_Action.ALLOW));
}

async function run(dataDir: string): Promise<CaseResult[]> {
  const read = (file: string) => JSON.parse(readFileSync(join(dataDir, 'istio/authn', file), 'utf8'));
  const merges: { rootNamespace: string; cases: Case[] } = read('peerauthentication-cases.json');
  const undeclared: { cases: UndeclaredCase[] } = read('undeclared-port-cases.json');
  return [...merges.cases.map((entry) => judge(entry, merges.rootNamespace)), ...undeclared.cases.flatMap(judgeUndeclared)];
}

export const suites: Suite[] = [{ name: 'authn', run }];
