// Records that the tests of this package share.
import type { FlowRecord, PolicyRef, Verdict } from '@palisade/flow';

export interface FlowSketch {
  readonly from?: string;
  readonly to?: string;
  readonly port?: number;
  readonly verdict?: Verdict;
  readonly policy?: PolicyRef;
  readonly second?: number;
}

export function flow({ from = 'auth', to = 'db', port = 80, verdict = 'FORWARDED', policy, second = 0 }: FlowSketch): FlowRecord {
  return {
    time: `2026-01-01T00:00:${String(second).padStart(2, '0')}.000Z`,
    reporter: 'node/node1',
    verdict,
    reason: 'because',
    ...(policy && { policy }),
    source: { namespace: 'default', pod: `${from}-x`, workload: `Deployment/${from}`, port: 40_000 },
    destination: { namespace: 'default', pod: `${to}-x`, workload: `Deployment/${to}`, port },
    body: { type: 'l4', protocol: 'TCP' },
  };
}
