import type { MatchedRule, MatchedVariable } from '../transaction/state.ts';

const severities = ['EMERGENCY', 'ALERT', 'CRITICAL', 'ERROR', 'WARNING', 'NOTICE', 'INFO', 'DEBUG'];

/** Longest data shown, as ModSecurity cuts it. */
const MAX_DATA = 512;

/** Bytes outside printable ASCII as `\xHH`. */
export function escapeBytes(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** Quotes, backslashes and bytes outside printable ASCII, so that a log line stays one line. */
export function escapeLog(text: string): string {
  return text.replace(/["\\]|[^\x20-\x7e]/g, (c) =>
    c === '"' || c === '\\' ? `\\${c}` : `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

/** One line a match in ModSecurity's error-log form: `ModSecurity: Warning. … [id "942100"] [msg "…"]`. */
export function renderMatch(
  rule: MatchedRule,
  match: MatchedVariable,
  context: { readonly uri: string; readonly hostname: string; readonly uniqueId: string },
): string {
  const field = (name: string, value: string | number | undefined): string =>
    value === undefined ? '' : ` [${name} "${escapeLog(String(value).slice(0, MAX_DATA))}"]`;
  return [
    `ModSecurity: Warning. Matched "${escapeLog(rule.operator.slice(0, 300))}" at ${escapeLog(match.name)}.`,
    field('file', rule.file),
    field('line', rule.line),
    field('id', rule.id),
    field('rev', rule.rev),
    field('msg', match.message),
    field('data', match.logdata),
    field('severity', rule.severity === undefined ? undefined : severities[rule.severity]),
    field('ver', rule.ver),
    ...rule.tags.map((tag) => field('tag', tag)),
    field('hostname', context.hostname),
    field('uri', context.uri),
    field('unique_id', context.uniqueId),
  ].join('');
}
