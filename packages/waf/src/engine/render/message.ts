import type { Profile } from '../seclang/ast.ts';
import type { Interruption, MatchedRule, MatchedVariable } from '../transaction/state.ts';

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

export interface MessageContext {
  readonly uri: string;
  readonly hostname: string;
  readonly uniqueId: string;
  /** What was done about the request: the rule that decided says so. */
  readonly interruption?: Interruption | undefined;
  /** Whose form; ModSecurity 2.9's unless it is ModSecurity 3's. */
  readonly profile?: Profile;
}

/** One line a match in ModSecurity's error-log form: `ModSecurity: Warning. … [id "942100"] [msg "…"]`. */
export function renderMatch(rule: MatchedRule, match: MatchedVariable, context: MessageContext): string {
  const isThird = context.profile === 'modsecurity3';
  const field = (name: string, value: string | number | undefined): string =>
    value === undefined && !isThird ? '' : ` [${name} "${escapeLog(String(value ?? '').slice(0, MAX_DATA))}"]`;
  const severity = rule.severity === undefined ? undefined : severities[rule.severity];
  const { interruption } = context;
  const outcome =
    interruption?.ruleId === rule.id ? `Access denied with code ${interruption.status} (phase ${interruption.phase}).` : 'Warning.';
  return [
    `ModSecurity: ${outcome} Matched "${isThird ? renderTest(rule, match) : `${escapeLog(rule.operator.slice(0, 300))}" at ${escapeLog(match.name)}.`}`,
    field('file', rule.file),
    field('line', rule.line),
    field('id', rule.id),
    field('rev', rule.rev),
    field('msg', match.message),
    field('data', match.logdata),
    field('severity', isThird ? (rule.severity ?? 0) : severity),
    field('ver', rule.ver),
    ...(isThird ? [field('maturity', rule.maturity ?? 0), field('accuracy', rule.accuracy ?? 0)] : []),
    ...rule.tags.map((tag) => field('tag', tag)),
    field('hostname', context.hostname),
    field('uri', context.uri),
    field('unique_id', context.uniqueId),
  ].join('');
}

/** As ModSecurity 3 puts it, down to the quote it does not close. */
function renderTest({ test }: MatchedRule, match: MatchedVariable): string {
  if (!test) return 'Unconditional match in SecAction';
  const value = escapeBytes(match.value.slice(0, MAX_DATA));
  return `Operator \`${test.operator}' with parameter \`${test.argument.slice(0, 200)}' against variable \`${match.name}' (Value: \`${value}' )`;
}
