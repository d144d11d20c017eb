/** Trust domains that mean this mesh: its own, and aliases it had or merged with (Istio MeshConfig `trustDomain`, `trustDomainAliases`). */

export interface TrustDomains {
  readonly local: string;
  readonly aliases: readonly string[];
}

/** Istio's word for "the local trust domain, whatever its name". */
const placeholder = 'cluster.local';

/**
 * A policy's principal as every identity it means. A principal of five parts whose domain is `cluster.local`, or is or by a leading or
 * trailing `*` matches one of ours, stands for the same workload in each of our domains; any other stays as written.
 *
 * @param principal without `spiffe://`: `cluster.local/ns/default/sa/db`, `*`, `*sa/db`, `*-old/ns/default/sa/db`
 */
export function expandPrincipal(principal: string, domains: TrustDomains): string[] {
  const [domain = '', ...path] = principal.split('/');
  if (path.length !== 4 || domain === '*') return [principal];
  const ours = allOf(domains);
  if (domain !== placeholder && !ours.some((own) => matches(domain, own))) return [principal];
  // In an expression only a leading `*` is one.
  const means = (own: string) => domain.startsWith('*') && matches(domain, own);
  return [...new Set(ours.map((own) => (means(own) ? principal : [own, ...path].join('/'))))];
}

/** A policy's trust domain as every domain it means: one of ours is all of them, a pattern is itself. */
export function expandTrustDomain(domain: string, domains: TrustDomains): string[] {
  const ours = allOf(domains);
  return ours.includes(domain) ? ours : [domain];
}

function allOf({ local, aliases }: TrustDomains): string[] {
  return [...new Set([local, ...aliases])];
}

function matches(pattern: string, domain: string): boolean {
  if (pattern.startsWith('*')) return domain.endsWith(pattern.slice(1));
  return pattern.endsWith('*') ? domain.startsWith(pattern.slice(0, -1)) : domain === pattern;
}

/** May a peer with this identity be believed at all? Its certificate must already chain to a trust anchor. */
export function isTrustedDomain(trustDomain: string, domains: TrustDomains): boolean {
  return trustDomain === domains.local || domains.aliases.includes(trustDomain);
}
