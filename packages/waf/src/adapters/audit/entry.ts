import { renderMatch } from '../../engine/render/message.ts';
import type { AuditRecord } from '../../engine/transaction/audit.ts';
import type { TransactionResult } from '../../engine/transaction/transaction.ts';
import { hiddenSpellings, isHiddenVariable, maskBody, maskHeaders, maskText, maskUri } from './mask.ts';

/** One entry of the audit log, with what is secret hidden: what the formats render. */
export interface AuditEntry extends AuditRecord {
  readonly id: string;
  readonly result: TransactionResult;
  readonly messages: readonly string[];
  /** Why it was stopped; undefined when it was not. */
  readonly reason: string | undefined;
  /** The body without files, as a form (part I). */
  readonly formBody: string;
}

export const producer = 'Palisade WAF';

/** @returns undefined when SecAuditEngine wants no entry for this transaction */
export function auditEntry(result: TransactionResult): AuditEntry | undefined {
  const { audit: record } = result;
  if (!record) return undefined;
  const { values, requestHeaders, responseHeaders } = record.hidden;
  const requestLine = maskUri(record.requestLine, record.argumentSeparator, values);
  const requestBody = maskBody(record.requestBody, record, values);
  const hide = hiding(record);
  const reason = result.interruption && hide(result.interruption.reason);
  return {
    ...record,
    id: result.id,
    result,
    requestLine,
    requestHeaders: maskHeaders(record.requestHeaders, requestHeaders),
    responseHeaders: maskHeaders(record.responseHeaders, responseHeaders),
    messages: renderMessages(result, { ...record, requestLine }, hide),
    reason,
    requestBody,
    formBody: record.requestBodyProcessor === 'MULTIPART' ? renderForm(record, values) : requestBody,
  };
}

/** Fields of a multipart body as a form of `name=value` pairs (Reference Manual, "Audit log part I"). */
function renderForm({ bodyArguments }: AuditRecord, hidden: readonly string[]): string {
  const secret = new Set(hidden);
  const encode = (text: string) => encodeURIComponent(Buffer.from(text, 'latin1').toString('utf8'));
  return bodyArguments
    .map(({ name, value }) => `${encode(name)}=${secret.has(value) ? '*'.repeat(value.length) : encode(value)}`)
    .join('&');
}

/** Masked before they are escaped and cut: neither leaves a value as it was. */
function renderMessages(result: TransactionResult, record: AuditRecord, hide: (text: string) => string): string[] {
  const hostname = record.requestHeaders.find(([name]) => name.toLowerCase() === 'host')?.[1] ?? '';
  const { interruption } = result;
  const context = { hostname, uri: record.requestLine.split(' ')[1] ?? '', uniqueId: result.id, interruption };
  const lines = result.matched
    .filter((rule) => rule.isLogged)
    .map((rule) => {
      const match = rule.variables[0] ?? { name: '', value: '', message: rule.message, logdata: rule.logdata };
      // A rule's data about a hidden variable may quote any part of it.
      const logdata = match.logdata && (isHiddenVariable(match.name, record.hidden) ? '***' : hide(match.logdata));
      const shown = { ...match, message: match.message && hide(match.message), logdata };
      return renderMatch({ ...rule, tags: rule.tags.map(hide) }, shown, context).replace('ModSecurity: ', '');
    });
  // A limit is no rule: nothing above says it.
  const isSaid = interruption === undefined || result.matched.some((rule) => rule.isLogged && rule.id === interruption.ruleId);
  return isSaid
    ? lines
    : [...lines, `Access denied with code ${interruption.status} (phase ${interruption.phase}). ${oneLine(hide(interruption.reason))}`];
}

function hiding(record: AuditRecord): (text: string) => string {
  const spellings = hiddenSpellings(record);
  return (text) => maskText(text, spellings);
}

export function oneLine(text: string): string {
  return text.replace(/[\x00-\x1f\x7f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `22/Nov/2026:04:03:44.786000 +0000` */
export function renderTime(ms: number): string {
  const [date, time] = new Date(ms).toISOString().slice(0, -1).split('T') as [string, string];
  const [year, month, day] = date.split('-');
  return `${day}/${months[Number(month) - 1]}/${year}:${time}000 +0000`;
}
