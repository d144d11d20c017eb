import type { LogOptions } from '../../../contract.ts';
import { type LogLine, parseLogLine } from './format.ts';

/** Which lines of a log somebody asked for, and how they look (core/v1 PodLogOptions). */
export interface LogSelection {
  /** Text for one raw line, or undefined when it is not wanted. */
  render(raw: string): string | undefined;
}

export function selectLines(options: Pick<LogOptions, 'timestamps' | 'sinceSeconds' | 'sinceTime'>, now: Date): LogSelection {
  const since = sinceMs(options, now);
  return {
    render(raw) {
      const line = parseLogLine(raw);
      if (line === undefined) return undefined;
      if (since !== undefined && Date.parse(line.time) < since) return undefined;
      return renderLine(line, options.timestamps);
    },
  };
}

function sinceMs(options: Pick<LogOptions, 'sinceSeconds' | 'sinceTime'>, now: Date): number | undefined {
  if (options.sinceTime !== undefined) return Date.parse(options.sinceTime);
  return options.sinceSeconds === undefined ? undefined : now.getTime() - options.sinceSeconds * 1000;
}

function renderLine(line: LogLine, hasTimestamps: boolean): string {
  return `${hasTimestamps ? `${line.time} ` : ''}${line.text}${line.isPartial ? '' : '\n'}`;
}

/** The last `count` whole lines among raw log lines; a partial line belongs to the whole line that it begins. */
export function lastLines(raw: readonly string[], count: number): string[] {
  if (count <= 0) return [];
  let wanted = count;
  for (let index = raw.length - 1; index >= 0; index--) {
    const line = parseLogLine(raw[index]!);
    const endsLine = line !== undefined && (!line.isPartial || index === raw.length - 1);
    if (!endsLine) continue;
    if (wanted === 0) return raw.slice(index + 1);
    wanted -= 1;
  }
  return [...raw];
}
