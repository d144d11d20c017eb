/** Flow records as JSON lines at the end of a file that the node, or a log collector, reads. */
import type { WriteStream } from 'node:fs';
import { type FlowRecord, flowToJsonLine, Verdict } from '@palisade/flow';

export interface FlowLog {
  add(flow: FlowRecord): void;
  readonly skipped: number;
}

/** Records a second, after a burst of as many seconds' worth: what was denied or failed has a share of its own. */
const limits = { forwarded: 50, others: 200, burstSeconds: 4 } as const;
const maxWaitingBytes = 1024 * 1024;

/** @param now milliseconds */
export function createFlowLog(out: Pick<WriteStream, 'write' | 'writableLength'>, now: () => number): FlowLog {
  const shares = { forwarded: bucket(limits.forwarded, now), others: bucket(limits.others, now) };
  let skipped = 0;
  return {
    add(flow) {
      const mayPass = (flow.verdict === Verdict.forwarded ? shares.forwarded : shares.others)();
      if (mayPass && out.writableLength < maxWaitingBytes) out.write(flowToJsonLine(flow));
      else skipped++;
    },
    get skipped() {
      return skipped;
    },
  };
}

function bucket(perSecond: number, now: () => number): () => boolean {
  const most = perSecond * limits.burstSeconds;
  let left: number = most;
  let last = now();
  return () => {
    const time = now();
    left = Math.min(most, left + ((time - last) / 1000) * perSecond);
    last = time;
    if (left < 1) return false;
    left--;
    return true;
  };
}
