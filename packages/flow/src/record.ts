/** One record of something that happened to traffic: one envelope, one body. Shape follows Hubble's flow where both have the field. */

export const Verdict = {
  forwarded: 'FORWARDED',
  dropped: 'DROPPED',
  audit: 'AUDIT',
  error: 'ERROR',
} as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

export interface Endpoint {
  /** Textual address; absent for a reporter that knows only the identity. */
  ip?: string;
  port?: number;
  namespace?: string;
  pod?: string;
  /** `Deployment/db`: the topmost controller, when known. */
  workload?: string;
  labels?: Readonly<Record<string, string>>;
  node?: string;
  /** SPIFFE id proven by mutual TLS. */
  identity?: string;
  /** `world`, `host`, `kube-apiserver`: what an address without a pod stands for. */
  reserved?: string;
  /** DNS names this address was last answered for. */
  names?: readonly string[];
}

/** The policy that decided. `undefined` in a record means that nothing more specific than `reason` is known. */
export interface PolicyRef {
  /** `NetworkPolicy`, `AuthorizationPolicy`, `WafRule` … */
  kind: string;
  namespace?: string;
  name: string;
  direction?: 'ingress' | 'egress';
  /** Index or rule id inside the policy. */
  rule?: string;
}

export interface L4Body {
  type: 'l4';
  protocol: 'TCP' | 'UDP' | 'SCTP' | 'ICMPv4' | 'ICMPv6' | string;
  tcpFlags?: readonly string[];
  icmpType?: number;
  /** Known to proxies only. */
  isMutualTls?: boolean;
}

export interface HttpBody {
  type: 'http';
  method: string;
  path: string;
  host?: string;
  protocol?: string;
  status?: number;
  durationMs?: number;
  requestBytes?: number;
  responseBytes?: number;
  isMutualTls?: boolean;
}

export interface DnsBody {
  type: 'dns';
  query: string;
  queryType: string;
  responseCode?: string;
  answers?: readonly string[];
}

export interface WafBody {
  type: 'waf';
  engine: string;
  method?: string;
  path?: string;
  host?: string;
  status?: number;
  ruleIds: readonly string[];
  messages: readonly string[];
  tags?: readonly string[];
  anomalyScore?: number;
  transactionId?: string;
}

export type FlowBody = L4Body | HttpBody | DnsBody | WafBody;

export interface FlowRecord {
  /** RFC 3339 with milliseconds. */
  time: string;
  /** Where it was seen: `node/node1`, `pod/default/db-x/modsecurity`, `dns/node1`. */
  reporter: string;
  verdict: Verdict;
  /** One sentence for a person: `no NetworkPolicy allows it`, `blocked by rules 942190, 942360`. */
  reason: string;
  policy?: PolicyRef;
  direction?: 'ingress' | 'egress';
  source: Endpoint;
  destination: Endpoint;
  body: FlowBody;
}
