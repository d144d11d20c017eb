import { readFileSync } from 'node:fs';
import type { Topic } from './topic.ts';

/** Checks whose answers still differ, by topic: left out of the run until they are settled. One that no longer differs fails the run. */
const open = JSON.parse(readFileSync(new URL('open.json', import.meta.url), 'utf8')) as Record<string, readonly string[]>;

export function isOpen(topic: Topic, check: string): boolean {
  return open[topic.name]?.includes(check) === true;
}
