import { appendFileSync } from 'node:fs';
import type { Engine } from '../engine/engine.ts';

/** Writes the debug log's lines to SecDebugLog, at once: whoever sets a level wants the last line before a crash. */
export function debugLog(engine: Engine | (() => Engine)): (line: string) => void {
  return (line) => {
    const { debugLog: path } = (typeof engine === 'function' ? engine() : engine).ruleSet.settings;
    if (path !== undefined) appendFileSync(path, `${line}\n`, 'latin1');
  };
}
