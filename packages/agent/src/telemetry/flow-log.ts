/** Flow records as JSON lines at the end of a file that the node, or a log collector, reads. */
import type { WriteStream } from 'node:fs';
import { type FlowRecord, flowToJsonLine } from '@palisade/flow';

export interface FlowLog {
  /** @param isOrdinary answered and nothing to be said about it; @param make called when there is room for the record */
  add(isOrdinary: boolean, make: () => FlowRecord): void;
  readonly skipped: number;
}

/** Records a second, after a burst of as many seconds' worth: what was denied or failed has a share of its own. */
const limits = { ordinary: 50, others: 200, burstSeconds: 4 } as const;
const maxWaitingBytes = 1024 * 1024;

/** @param now milliseconds */
export function createFlowLog(out: Pick<WriteStream, 'write' | 'writableLength' | 'destroyed'>, now: () => number): FlowLog {
  const shares = { ordinary: bucket(limits.ordinary, now), others: bucket(limits.others, now) };
  let skipped = 0;
  return {
    add(isOrdinary, make) {
      const mayPass = (isOrdinary ? shares.ordinary : shares.others)();
      if (mayPass && !out.destroyed && out.writableLength < maxWaitingBytes) out.write(flowToJsonLine(make()));
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
