import type { Duration } from '@bufbuild/protobuf/wkt';

/** @returns milliseconds; `otherwise` when the field is not set. 0 usually means "no limit": see each field */
export function milliseconds(duration: Duration | undefined, otherwise: number): number {
  return duration === undefined ? otherwise : Number(duration.seconds) * 1000 + duration.nanos / 1e6;
}
