import type { Endpoint, FlowRecord, PolicyRef, Verdict } from '@palisade/flow';

/** A node of the service graph: a workload, or what stands for everything else. */
export interface EdgeEnd {
  readonly namespace?: string;
  /** `Deployment/db`, the pod's name when its owner is unknown, `world`, `host`, a DNS name or an address. */
  readonly name: string;
}

export interface PolicyCount {
  readonly policy: PolicyRef;
  readonly verdict: Verdict;
  readonly count: number;
}

/** Who reached whom, or tried to. */
export interface Edge {
  readonly source: EdgeEnd;
  readonly destination: EdgeEnd;
  /** Records by verdict; a verdict that never happened is absent. Accepted connections are sampled, denied ones are not. */
  readonly verdicts: Readonly<Partial<Record<Verdict, number>>>;
  /** `TCP 8080`, `http`, `dns`, `waf`; sorted. */
  readonly protocols: readonly string[];
  readonly policies: readonly PolicyCount[];
  readonly firstSeen: string;
  readonly lastSeen: string;
}

function edgeEnd({ namespace, workload, pod, names, reserved, identity, ip }: Endpoint): EdgeEnd {
  const name = workload ?? pod ?? names?.[0] ?? reserved ?? identity ?? ip ?? 'unknown';
  return { ...(namespace !== undefined && { namespace }), name };
}

function protocolOf({ body, destination }: FlowRecord): string {
  if (body.type !== 'l4') return body.type;
  return destination.port === undefined ? body.protocol : `${body.protocol} ${destination.port}`;
}

interface Draft {
  readonly source: EdgeEnd;
  readonly destination: EdgeEnd;
  readonly verdicts: Partial<Record<Verdict, number>>;
  readonly protocols: Set<string>;
  readonly policies: Map<string, { policy: PolicyRef; verdict: Verdict; count: number }>;
  firstSeen: string;
  lastSeen: string;
}

/** Sums records up by workload, in the order in which the edges were first seen. */
export function summarizeEdges(flows: Iterable<FlowRecord>): Edge[] {
  const drafts = new Map<string, Draft>();
  for (const flow of flows) {
    const source = edgeEnd(flow.source);
    const destination = edgeEnd(flow.destination);
    const key = JSON.stringify([source, destination]);
    let draft = drafts.get(key);
    if (!draft) {
      draft = { source, destination, verdicts: {}, protocols: new Set(), policies: new Map(), firstSeen: flow.time, lastSeen: flow.time };
      drafts.set(key, draft);
    }
    draft.verdicts[flow.verdict] = (draft.verdicts[flow.verdict] ?? 0) + 1;
    draft.protocols.add(protocolOf(flow));
    // RFC 3339 in UTC with milliseconds sorts as text.
    if (flow.time < draft.firstSeen) draft.firstSeen = flow.time;
    if (flow.time > draft.lastSeen) draft.lastSeen = flow.time;
    if (flow.policy) {
      const policyKey = JSON.stringify([flow.verdict, flow.policy]);
      const known = draft.policies.get(policyKey);
      if (known) known.count++;
      else draft.policies.set(policyKey, { policy: flow.policy, verdict: flow.verdict, count: 1 });
    }
  }
  return [...drafts.values()].map((draft) => ({
    ...draft,
    protocols: [...draft.protocols].sort(),
    policies: [...draft.policies.values()],
  }));
}
