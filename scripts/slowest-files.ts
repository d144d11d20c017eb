/** A reporter of node:test: the ten files that took longest, for whoever wants `npm test` shorter. */
import { relative } from 'node:path';
import type { TestEvent } from 'node:test/reporters';

const shown = 10;

export default async function* slowestFiles(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const files: { name: string; seconds: number }[] = [];
  for await (const { type, data } of events) {
    // The summary of the whole run names no file.
    if (type !== 'test:summary' || data.file === undefined) continue;
    files.push({ name: relative(process.cwd(), data.file), seconds: data.duration_ms / 1000 });
  }
  const slowest = files.sort((a, b) => b.seconds - a.seconds).slice(0, shown);
  yield `Slowest files:\n${slowest.map(({ name, seconds }) => `${seconds.toFixed(1).padStart(7)} s  ${name}\n`).join('')}`;
}
