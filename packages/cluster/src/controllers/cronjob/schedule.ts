import { Cron } from 'croner';

export interface Schedule {
  /** First run after `from`; undefined when there is none. */
  next(from: Date): Date | undefined;
  /** Last run after `from` up to and including `to`. */
  last(from: Date, to: Date): Date | undefined;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** Windows searched backwards for the last run, so that a schedule of every minute is not walked through for a year. */
const WINDOWS_MS = [60 * 60 * 1000, DAY_MS, 31 * DAY_MS, 366 * DAY_MS];

/**
 * Reads a CronJob's schedule: five fields or `@hourly` and its kin. Seconds, years and the letters that only some crons know
 * (`L`, `W`, `#`) are refused, as Kubernetes refuses them.
 *
 * @param timeZone IANA name; default UTC, which is what a real control plane runs in
 * @throws Error with what was found and what is wanted
 */
export function parseSchedule(text: string, timeZone = 'Etc/UTC'): Schedule {
  const fields = text.trim().split(/\s+/);
  if (
    !(text.startsWith('@')
      ? /^@(yearly|annually|monthly|weekly|daily|midnight|hourly)$/.test(text)
      : fields.length === 5 && fields.every(isPlainField))
  ) {
    throw new Error(
      `Cannot parse schedule "${text}": wanted five fields (minute, hour, day of month, month, day of week) or a macro such as "@hourly"`,
    );
  }
  const cron = new Cron(text, { timezone: timeZone, paused: true });
  const next = (from: Date) => cron.nextRun(from) ?? undefined;
  return {
    next,
    last(from, to) {
      for (const window of [...WINDOWS_MS, Number.POSITIVE_INFINITY]) {
        const start = new Date(Math.max(from.getTime(), to.getTime() - window));
        let found: Date | undefined;
        for (let run = next(start); run !== undefined && run <= to; run = next(run)) found = run;
        if (found !== undefined || start.getTime() === from.getTime()) return found;
      }
      return undefined;
    },
  };
}

function isPlainField(field: string): boolean {
  return /^[\d*?/,\-a-z]+$/i.test(field) && !/(^|[\d,])[lw]($|[,\d])/i.test(field);
}
