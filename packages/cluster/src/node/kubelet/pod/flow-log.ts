import { closeSync, ftruncateSync, openSync, readSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import type { FlowLogPlace, ImageFlowLog } from '../../../images/index.ts';
import type { NodeContext } from './context.ts';

const FLOW_POLL_MS = 100;
const FLOW_CHUNK = 64 * 1024;

/** What was read is thrown away from time to time: the file lives in memory. */
const MAX_FLOW_BYTES = 4 * 1024 * 1024;

/** Hands what the program appends to its flow log to the image's reader. @returns ends it, reading what is left first */
export function followFlowLog(
  context: Pick<NodeContext, 'clock' | 'sink'>,
  flow: ImageFlowLog,
  path: string,
  place: FlowLogPlace,
): () => void {
  const reader = flow.createReader(place);
  const decoder = new StringDecoder('utf8');
  const fd = openSync(path, 'r+');
  const buffer = Buffer.allocUnsafe(FLOW_CHUNK);
  let position = 0;
  const poll = () => {
    for (let length = readSync(fd, buffer, 0, FLOW_CHUNK, position); length > 0; length = readSync(fd, buffer, 0, FLOW_CHUNK, position)) {
      position += length;
      for (const record of reader.read(decoder.write(buffer.subarray(0, length)))) context.sink(record);
    }
    if (position >= MAX_FLOW_BYTES) {
      ftruncateSync(fd, 0);
      position = 0;
    }
  };
  let cancel = context.clock.after(FLOW_POLL_MS, function again() {
    poll();
    cancel = context.clock.after(FLOW_POLL_MS, again);
  });
  return () => {
    cancel();
    poll();
    for (const record of reader.end()) context.sink(record);
    closeSync(fd);
  };
}
