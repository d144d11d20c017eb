import { renderTable } from '../table.ts';
import type { SceneResult } from './scene.ts';

/** The tables after a scene: who could reach whom, what became of the attacks, what was expected. */
export function renderScene(result: SceneResult): string {
  const parts: string[] = [];
  if (result.reach.length > 0) {
    const targets = [...new Set(result.reach.map(({ to }) => to))];
    const callers = [...new Set(result.reach.map(({ from }) => from))];
    const rows = callers.map((from) => [
      from,
      ...targets.map((to) => String(result.reach.find((r) => r.from === from && r.to === to)?.outcome ?? '')),
    ]);
    parts.push(renderTable(['who reaches whom', ...targets], rows));
  }
  if (result.attacks.length > 0) {
    const rows = result.attacks.map(({ victim, sent, blocked, landed }) => [victim, String(sent), String(blocked), String(landed)]);
    parts.push(renderTable(['attacks on', 'sent', 'blocked (403)', 'landed'], rows));
  }
  parts.push(renderExpectations(result));
  return parts.map(indent).join('\n\n');
}

export function renderExpectations(result: SceneResult): string {
  return result.expectations.map(({ text, held }) => `${held ? '✓' : '✗ FAILED:'} ${text}`).join('\n');
}

const indent = (text: string) => text.replaceAll(/^/gm, '  ');
