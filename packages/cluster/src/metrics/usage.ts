/** What a container has used: processor time since its start, and memory now. */
export interface Usage {
  readonly cpuMs: number;
  readonly memoryBytes: number;
}

/** Processor use over a window, and memory at its end. */
export interface Rate {
  /** 1 = one core all the time. */
  readonly cores: number;
  readonly memoryBytes: number;
}

/** USER_HZ is 100 on every architecture that Node runs on. */
const TICK_MS = 10;

/**
 * One process, from /proc/PID/stat and /proc/PID/status (proc(5)). Children that have ended are counted with the parent that waited for them.
 * Memory is what no file stands behind: programs and libraries lie in the machine's /usr and belong to no container.
 *
 * @returns undefined for text that is no such file (the process ended while it was read)
 */
export function parseProcess(stat: string, status: string): Usage | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // utime, stime, cutime, cstime: fields 14 to 17, counted from the pid.
  const ticks = fields.slice(11, 15).map(Number);
  const kibibytes = ['RssAnon', 'RssShmem'].map((name) => Number(new RegExp(`^${name}:\\s*(\\d+) kB$`, 'm').exec(status)?.[1]));
  const usage = { cpuMs: sum(ticks) * TICK_MS, memoryBytes: sum(kibibytes) * 1024 };
  return ticks.length === 4 && Number.isFinite(usage.cpuMs) && Number.isFinite(usage.memoryBytes) ? usage : undefined;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

export function addUsage(a: Usage, b: Usage): Usage {
  return { cpuMs: a.cpuMs + b.cpuMs, memoryBytes: a.memoryBytes + b.memoryBytes };
}

/** A program whose parent did not wait for it takes its time with it: the sum may fall, and counts as standing still then. */
export function rateBetween(before: Usage, after: Usage, windowMs: number): Rate {
  return { cores: Math.max(0, after.cpuMs - before.cpuMs) / windowMs, memoryBytes: after.memoryBytes };
}

export function addRates(a: Rate, b: Rate): Rate {
  return { cores: a.cores + b.cores, memoryBytes: a.memoryBytes + b.memoryBytes };
}

/** metrics-server's own units: nanocores and kibibytes. */
export function renderRate({ cores, memoryBytes }: Rate): { cpu: string; memory: string } {
  const nano = Math.round(cores * 1e9);
  return { cpu: nano === 0 ? '0' : `${nano}n`, memory: `${Math.ceil(memoryBytes / 1024)}Ki` };
}
