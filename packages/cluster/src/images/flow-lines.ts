/** Flow records that a container writes itself, one JSON object a line, as the mesh's agent does. */
import { type FlowRecord, Verdict } from '@palisade/flow';
import type { FlowLogPlace, FlowLogReader } from './image.ts';

/** A longer line is given up. Characters. */
const maxLine = 64 * 1024;
const verdicts: readonly unknown[] = Object.values(Verdict);

/** Whatever a line claims, the node knows which pod it came from: reporter and the pod's own end are written over. */
export function createFlowLineReader(place: FlowLogPlace): FlowLogReader {
  let pending = '';
  const readLine = (line: string): FlowRecord[] => {
    const record = parse(line);
    if (record === undefined) return [];
    const own = record.direction === 'ingress' ? 'destination' : 'source';
    const { identity, port, ip } = record[own];
    return [
      {
        ...record,
        reporter: place.reporter,
        [own]: { ...(ip && { ip }), ...place.endpoint, ...(port && { port }), ...(identity && { identity }) },
      },
    ];
  };
  return {
    read(chunk) {
      pending += chunk;
      const lines = pending.split('\n');
      pending = lines.pop()!;
      if (pending.length > maxLine) pending = '';
      return lines.flatMap(readLine);
    },
    end() {
      const rest = pending;
      pending = '';
      return readLine(rest);
    },
  };
}

/** @returns undefined for what is no flow record */
function parse(line: string): FlowRecord | undefined {
  if (line === '' || line.length > maxLine) return undefined;
  try {
    const record = JSON.parse(line) as Partial<FlowRecord> | null;
    const { time, verdict, reason, source, destination, body } = record ?? {};
    const isRecord =
      typeof time === 'string' &&
      !Number.isNaN(Date.parse(time)) &&
      verdicts.includes(verdict) &&
      typeof reason === 'string' &&
      [source, destination, body].every((part) => typeof part === 'object' && part !== null) &&
      (body?.type === 'http' || body?.type === 'l4');
    return isRecord ? (record as FlowRecord) : undefined;
  } catch {
    return undefined;
  }
}
