/** What every benchmark file exports (`export const benches: Bench[]`). */

export interface Measurement {
  name: string;
  unit: string;
  ours: number;
  peer: number | null;
  peerName: string | null;
  /** ours / peer; below 1 is better. null when the peer is missing. */
  ratio: number | null;
}

export interface Bench {
  name: string;
  run(emit: (measurement: Measurement) => void): Promise<void>;
}
