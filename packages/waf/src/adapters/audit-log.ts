import { renderMatch } from '../engine/render/message.ts';
import type { Connection, MatchedRule } from '../engine/transaction/state.ts';
import type { TransactionResult } from '../engine/transaction/transaction.ts';

/** What is logged besides the verdict. Header values as bytes (latin1), names as sent. */
export interface AuditFacts {
  readonly timeMs: number;
  readonly connection: Connection;
  readonly requestLine: string;
  readonly requestHeaders: readonly (readonly [name: string, value: string])[];
  readonly responseProtocol: string;
  readonly status: number;
  readonly responseHeaders: readonly (readonly [name: string, value: string])[];
  /** SecComponentSignature, such as `OWASP_CRS/3.3.4`. */
  readonly components: readonly string[];
  readonly isDetectionOnly: boolean;
}

const producer = 'Palisade WAF';
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Headers that prove who somebody is: logged as present, never with their value. */
const secretHeaders = new Set(['authorization', 'proxy-authorization', 'cookie', 'set-cookie', 'x-api-key']);

/**
 * ModSecurity's RelevantOnly: a rule asked for it, or the status fits SecAuditLogRelevantStatus.
 *
 * @param relevantStatus as in the recommended configuration: every failure but 404
 */
export function isRelevant(result: TransactionResult, status: number, relevantStatus = /^(?:5|4(?!04))/): boolean {
  return result.matched.some((rule) => rule.isAuditLogged) || relevantStatus.test(String(status));
}

/** One entry of the JSON audit log (ModSecurity 2.9, "SecAuditLogFormat JSON"), without a line end. Bodies are not logged. */
export function renderAuditJson(result: TransactionResult, facts: AuditFacts): string {
  const { connection, interruption } = { ...facts, ...result };
  const messages = renderMessages(result, facts);
  return JSON.stringify({
    transaction: {
      time: renderTime(facts.timeMs),
      transaction_id: result.id,
      remote_address: connection.clientAddress,
      remote_port: connection.clientPort,
      local_address: connection.serverAddress,
      local_port: connection.serverPort,
    },
    request: { request_line: facts.requestLine, headers: renderHeaders(facts.requestHeaders) },
    response: { protocol: facts.responseProtocol, status: facts.status, headers: renderHeaders(facts.responseHeaders) },
    audit_data: {
      messages,
      ...(interruption && {
        action: { intercepted: true, phase: interruption.phase, message: interruption.reason },
      }),
      producer: [...facts.components, producer],
      engine_mode: facts.isDetectionOnly ? 'DETECTION_ONLY' : 'ENABLED',
    },
  });
}

/** One entry of the native serial audit log, parts A, B, F, H and Z, with its line end. */
export function renderAuditNative(result: TransactionResult, facts: AuditFacts): string {
  const { clientAddress, clientPort, serverAddress, serverPort } = facts.connection;
  const boundary = result.id.replace(/[^\w@-]/g, '').slice(0, 64) || 'entry';
  const lines = (headers: AuditFacts['requestHeaders']) =>
    headers.map(([name, value]) => `${oneLine(name)}: ${oneLine(hide(name, value))}`);
  const parts: [string, string[]][] = [
    ['A', [`[${renderTime(facts.timeMs)}] ${result.id} ${clientAddress} ${clientPort} ${serverAddress} ${serverPort}`]],
    ['B', [oneLine(facts.requestLine), ...lines(facts.requestHeaders), '']],
    ['F', [`${facts.responseProtocol} ${facts.status}`, ...lines(facts.responseHeaders), '']],
    [
      'H',
      [
        ...renderMessages(result, facts).map((message) => `Message: ${message}`),
        ...(result.interruption ? [`Action: Intercepted (phase ${result.interruption.phase})`] : []),
        `Producer: ${[...facts.components, producer].join('; ')}.`,
        `Engine-Mode: "${facts.isDetectionOnly ? 'DETECTION_ONLY' : 'ENABLED'}"`,
        '',
      ],
    ],
    ['Z', ['']],
  ];
  return `${parts.map(([letter, text]) => `--${boundary}-${letter}--\n${text.join('\n')}`).join('\n')}\n`;
}

function renderMessages(result: TransactionResult, facts: AuditFacts): string[] {
  const hostname = facts.requestHeaders.find(([name]) => name.toLowerCase() === 'host')?.[1] ?? '';
  const context = { hostname, uri: facts.requestLine.split(' ')[1] ?? '', uniqueId: result.id };
  const { interruption } = result;
  const lines = result.matched
    .filter((rule) => rule.isLogged)
    .map((rule) => {
      const match = rule.variables[0] ?? { name: '', value: '', message: rule.message, logdata: rule.logdata };
      const isDenial = interruption !== undefined && isDecider(rule, interruption.ruleId);
      const start = isDenial ? `Access denied with code ${interruption.status} (phase ${interruption.phase}).` : 'Warning.';
      return renderMatch(rule, match, context).replace('ModSecurity: Warning.', start);
    });
  // A limit is no rule: nothing above says it.
  const isSaid = interruption === undefined || result.matched.some((rule) => rule.isLogged && isDecider(rule, interruption.ruleId));
  return isSaid
    ? lines
    : [...lines, `Access denied with code ${interruption.status} (phase ${interruption.phase}). ${oneLine(interruption.reason)}`];
}

function isDecider(rule: MatchedRule, id: number): boolean {
  return rule.id === id;
}

function renderHeaders(headers: AuditFacts['requestHeaders']): Record<string, string> {
  const all: Record<string, string> = Object.create(null);
  for (const [name, value] of headers) all[name] = name in all ? `${all[name]}, ${hide(name, value)}` : hide(name, value);
  return all;
}

function hide(name: string, value: string): string {
  return secretHeaders.has(name.toLowerCase()) ? '***' : value;
}

function oneLine(text: string): string {
  return text.replace(/[\x00-\x1f\x7f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** `22/Nov/2026:04:03:44.786000 +0000` */
function renderTime(ms: number): string {
  const [date, time] = new Date(ms).toISOString().slice(0, -1).split('T') as [string, string];
  const [year, month, day] = date.split('-');
  return `${day}/${months[Number(month) - 1]}/${year}:${time}000 +0000`;
}
