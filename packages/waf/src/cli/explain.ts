import type { Engine } from '../engine/engine.ts';
import { escapeLog } from '../engine/render/message.ts';
import type { MatchedRule } from '../engine/transaction/state.ts';
import { valuesOf } from '../engine/transaction/values.ts';
import { findTransformation } from '../engine/transformations/index.ts';
import type { WrittenRequest } from './curl-arguments.ts';

export interface Explanation {
  readonly isBlocked: boolean;
  readonly text: string;
}

const MAX_SHOWN = 120;

/** Evaluate one request and say which rules matched what, how its value came about, what it scored, and the verdict. */
export function explainRequest(engine: Engine, { head, body }: WrittenRequest): Explanation {
  const connection = { clientAddress: '127.0.0.1', clientPort: 0, serverAddress: '127.0.0.1', serverPort: 80 };
  const transaction = engine.transaction({ id: 'test', now: () => 0, connection });
  transaction.requestHeaders(head);
  if (body !== '') transaction.requestBodyChunk(Buffer.from(body, 'latin1'));
  transaction.requestBody();
  const raw = (name: string): string | undefined => rawValue(transaction.state, name);
  const result = transaction.finish();
  const stopped = result.interruption ?? result.detected;
  const verdict =
    stopped === undefined
      ? 'passes'
      : `${result.interruption ? 'is blocked' : 'would be blocked (DetectionOnly)'}: ${stopped.kind} ${stopped.status} in phase ${stopped.phase}${stopped.ruleId === 0 ? '' : ` by rule ${stopped.ruleId}`}: ${stopped.reason}`;
  const lines = [`${head.method} ${escapeLog(head.uri)} ${verdict}`, ''];
  for (const rule of result.matched.filter((matched) => matched.isLogged)) lines.push(...describe(engine, rule, raw), '');
  const scores = Object.entries(result.scores).filter(
    ([name, score]) => score !== 0 && !/threshold|^(?:critical|error|warning|notice)_anomaly_score$/.test(name),
  );
  if (scores.length > 0) lines.push('scores', ...scores.sort().map(([name, score]) => `  ${name} = ${score}`));
  if (result.limits.length > 0) lines.push(`step budget used up: ${result.limits.map(({ ruleId }) => ruleId).join(', ')}`);
  return { isBlocked: result.interruption !== undefined, text: `${lines.join('\n').trimEnd()}\n` };
}

function describe(engine: Engine, rule: MatchedRule, raw: (name: string) => string | undefined): string[] {
  const lines = [
    `rule ${rule.id}: ${rule.message ?? '(no message)'}`,
    `  at ${rule.file}:${rule.line}`,
    `  test ${shorten(rule.operator)}`,
  ];
  for (const { name, value, logdata } of rule.variables.slice(0, 3)) {
    lines.push(`  ${name}`);
    const start = raw(name);
    if (start !== undefined && rule.transformations !== '') {
      lines.push(`    as received: ${quote(start)}`);
      let current = start;
      for (const step of rule.transformations.split(',')) {
        const changed = findTransformation(step)?.run(current, engine.ruleSet.unicodeMap) ?? current;
        lines.push(`    t:${step}: ${changed === current ? '(the same)' : quote(changed)}`);
        current = changed;
      }
    } else lines.push(`    value: ${quote(value)}`);
    if (logdata !== undefined) lines.push(`    ${shorten(logdata)}`);
  }
  return lines;
}

/** Members of request collections only: what a rule computed has no form "as received". */
function rawValue(state: Parameters<typeof valuesOf>[0], name: string): string | undefined {
  const [collection = '', ...rest] = name.split(':');
  if (collection === 'TX' || collection.startsWith('MATCHED_')) return undefined;
  const key = rest.join(':').toLowerCase();
  const found = valuesOf(state, collection).find((target) => target.lowerKey === key);
  return found?.value;
}

const quote = (text: string): string => `"${shorten(text)}"`;
function shorten(text: string): string {
  const shown = escapeLog(text.slice(0, MAX_SHOWN));
  return text.length > MAX_SHOWN ? `${shown}… (${text.length} bytes)` : shown;
}
