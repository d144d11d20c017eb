/** A decision in words: what stood in the way of the closest rule, and so what would change the verdict. */

import { ruleKey } from './compile-rules.ts';
import type { AuthzDecision } from './evaluate.ts';
import type { AuthzFacts } from './match.ts';
import type { PermissionSubject, PrincipalSubject, Term } from './terms.ts';

/** One sentence a line: the verdict, then for a request that no rule allowed the closest ones with each unmet term. */
export function explainDecision(decision: AuthzDecision, facts: AuthzFacts, closest = 3): string[] {
  const lines = [`${decision.isAllowed ? 'ALLOWED' : 'DENIED'}: ${decision.reason}`];
  for (const miss of decision.nearMisses.slice(0, closest)) {
    lines.push(`  ${ruleKey(miss, miss.rule)} would allow it if ${miss.failed.map((term) => describeTerm(term, facts)).join(', and ')}`);
  }
  for (const ask of decision.asks) lines.push(`  ${ruleKey(ask, ask.rule)} asks the provider "${ask.provider}" first, which may deny`);
  for (const run of decision.dryRun) lines.push(`  dry run: ${ruleKey(run, run.rule)} (${run.action}) matches`);
  for (const audit of decision.audits) lines.push(`  audited by ${ruleKey(audit, audit.rule)}`);
  return lines;
}

/** `the method were GET or PUT (it is POST)` */
function describeTerm({ subject, values, notValues }: Term<PermissionSubject | PrincipalSubject>, facts: AuthzFacts): string {
  const wanted = [...(values.length > 0 ? [list(values)] : []), ...(notValues.length > 0 ? [`not ${list(notValues)}`] : [])].join(' and ');
  const found = factOf(subject, facts);
  return `the ${nameOf(subject)} were ${wanted} (${found === undefined ? 'there is none' : `it is ${found}`})`;
}

function list(patterns: readonly string[]): string {
  return patterns.length === 1 ? patterns[0]! : `${patterns.slice(0, -1).join(', ')} or ${patterns.at(-1)}`;
}

const names: Readonly<Record<Exclude<(PermissionSubject | PrincipalSubject)['type'], 'header' | 'claim' | 'filterMetadata'>, string>> = {
  host: 'host',
  method: 'method',
  path: 'path',
  port: 'workload port',
  destinationIp: 'destination address',
  sni: 'server name',
  principal: 'peer',
  namespace: 'peer’s namespace',
  serviceAccount: 'peer’s service account',
  trustDomain: 'peer’s trust domain',
  requestPrincipal: 'token’s issuer and subject',
  sourceIp: 'peer address',
  remoteIp: 'client address',
};

function nameOf(subject: PermissionSubject | PrincipalSubject): string {
  if (subject.type === 'header') return `header ${subject.name}`;
  if (subject.type === 'claim') return `token’s claim ${subject.path.join('.')}`;
  return subject.type === 'filterMetadata' ? `metadata ${subject.filter}[${subject.key}]` : names[subject.type];
}

function factOf(subject: PermissionSubject | PrincipalSubject, facts: AuthzFacts): string | undefined {
  const { http, peer } = facts;
  const claims = http?.claims;
  switch (subject.type) {
    case 'host':
      return http?.authority;
    case 'method':
      return http?.method;
    case 'path':
      return http?.path;
    case 'port':
      return String(facts.destinationPort);
    case 'destinationIp':
      return facts.destinationIp;
    case 'sourceIp':
      return facts.sourceIp;
    case 'remoteIp':
      return facts.remoteIp;
    case 'sni':
      return facts.sni;
    case 'principal':
    case 'namespace':
    case 'serviceAccount':
    case 'trustDomain':
      return peer;
    case 'header':
      return http?.headers.get(subject.name.toLowerCase())?.join(' and ');
    case 'requestPrincipal':
      return claims === undefined ? undefined : `${claims['iss']}/${claims['sub']}`;
    case 'claim':
      return claims === undefined ? undefined : JSON.stringify(claims[subject.path[0]!]);
    case 'filterMetadata':
      return undefined;
    default:
      return subject satisfies never;
  }
}
