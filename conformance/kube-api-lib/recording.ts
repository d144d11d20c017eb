import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Answer, Topic } from './topic.ts';

/** Answers of kube-apiserver, one line a check, as `[name, answer]`. */
const fileOf = (topic: Topic) => new URL(`recorded/${topic.name}.ndjson`, import.meta.url);

/** @returns nothing for checks that were never recorded */
export function readRecording(topic: Topic): Map<string, Answer> {
  const file = fileOf(topic);
  if (!existsSync(file)) return new Map();
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  return new Map(lines.map((line) => JSON.parse(line) as [string, Answer]));
}

export function writeRecording(topic: Topic, answers: ReadonlyMap<string, Answer>): void {
  mkdirSync(new URL('.', fileOf(topic)), { recursive: true });
  writeFileSync(fileOf(topic), [...answers].map((entry) => `${JSON.stringify(entry)}\n`).join(''));
}
