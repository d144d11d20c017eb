import { compileFlowFilter, type FlowFilter, type FlowRecord } from '@palisade/flow';

export interface FlowRingOptions {
  /** Records kept; the oldest go first. Default 20,000: about 20 MB. */
  readonly capacity?: number;
  /** Records a follower may lag behind before it loses some. Default 1,000. */
  readonly followerCapacity?: number;
}

/** A reader of what is still to come. It loses records rather than make anybody wait, and says how many. */
export interface Follower {
  /** What has arrived since the last call, oldest first, and how many records were lost before these. */
  take(): { readonly records: readonly FlowRecord[]; readonly lost: number };
  close(): void;
}

interface Following {
  readonly matches: (flow: FlowRecord) => boolean;
  readonly wake: () => void;
  waiting: FlowRecord[];
  lost: number;
}

/** The last flow records, in order of arrival. */
export class FlowRing {
  readonly #slots: (FlowRecord | undefined)[];
  readonly #followerCapacity: number;
  readonly #followers = new Set<Following>();
  #total = 0;

  constructor({ capacity = 20_000, followerCapacity = 1_000 }: FlowRingOptions = {}) {
    for (const [name, value] of Object.entries({ capacity, followerCapacity })) {
      if (!Number.isInteger(value) || value < 1)
        throw new RangeError(`Cannot make a flow ring: ${name} ${value}, expected a whole number above 0`);
    }
    this.#slots = new Array(capacity);
    this.#followerCapacity = followerCapacity;
  }

  /** Records ever added; those older than the capacity are gone. */
  get total(): number {
    return this.#total;
  }

  /** Never waits for a follower. */
  readonly add = (flow: FlowRecord): void => {
    this.#slots[this.#total % this.#slots.length] = flow;
    this.#total++;
    for (const follower of this.#followers) {
      if (!follower.matches(flow)) continue;
      if (follower.waiting.length >= this.#followerCapacity) {
        follower.lost++;
        continue;
      }
      follower.waiting.push(flow);
      if (follower.waiting.length === 1) follower.wake();
    }
  };

  /** @param last at most so many, the newest; all when absent. Returned oldest first. */
  query(filter: FlowFilter = {}, last = Number.POSITIVE_INFINITY): FlowRecord[] {
    const matches = compileFlowFilter(filter);
    const found: FlowRecord[] = [];
    const oldest = Math.max(0, this.#total - this.#slots.length);
    for (let index = this.#total - 1; index >= oldest && found.length < last; index--) {
      const flow = this.#slots[index % this.#slots.length]!;
      if (matches(flow)) found.push(flow);
    }
    return found.reverse();
  }

  /** @param wake called when the first record waits; it must not throw */
  follow(filter: FlowFilter, wake: () => void): Follower {
    const following: Following = { matches: compileFlowFilter(filter), wake, waiting: [], lost: 0 };
    this.#followers.add(following);
    return {
      take: () => {
        const { waiting: records, lost } = following;
        following.waiting = [];
        following.lost = 0;
        return { records, lost };
      },
      close: () => {
        this.#followers.delete(following);
      },
    };
  }
}
