/** ModSecurity's audit log, as it grows, into flow records. */
import { type FlowRecord, type Verdict, Verdict as verdicts, type WafBody } from '@palisade/flow';
import { type AuditEntry, entryFromJson, entryFromSections } from './audit-log-entry.ts';
import type { FlowLogPlace, FlowLogReader } from './image.ts';

/** A longer entry is given up. Characters. */
const maxEntry = 4 * 1024 * 1024;

/**
 * Reads both formats, JSON (an entry a line) and native (parts between boundaries). An entry that cannot be read becomes a record
 * with the verdict ERROR: something was inspected and nobody can say what.
 *
 * @param now for the time of such a record
 */
export function createAuditLogReader(place: FlowLogPlace, now: () => Date = () => new Date()): FlowLogReader {
  let pending = '';
  let open: { boundary: string; part: string; sections: Map<string, string> } | undefined;
  const unreadable = (error: unknown): FlowRecord => ({
    time: now().toISOString(),
    reporter: place.reporter,
    verdict: verdicts.error,
    reason: `unreadable audit log entry: ${(error as Error).message.slice(0, 200)}`,
    source: {},
    destination: { ...place.endpoint },
    body: { type: 'waf', engine: 'ModSecurity', ruleIds: [], messages: [] },
  });

  function readLine(line: string): FlowRecord[] {
    try {
      const mark = /^--([\w@-]{1,64})-([A-Z])--\r?$/.exec(line);
      if (open !== undefined && (mark === null || mark[1] !== open.boundary)) {
        const text = `${open.sections.get(open.part) ?? ''}${line}\n`;
        if (text.length > maxEntry) throw new Error(`part ${open.part} is over ${maxEntry} characters`);
        open.sections.set(open.part, text);
        return [];
      }
      if (mark !== null) return readMark(mark[1]!, mark[2]!);
      return line.startsWith('{') ? [toRecord(entryFromJson(JSON.parse(line)), place)] : [];
    } catch (error) {
      open = undefined;
      return [unreadable(error)];
    }
  }

  function readMark(boundary: string, part: string): FlowRecord[] {
    const { sections } = open ?? { sections: new Map<string, string>() };
    open = part === 'Z' ? undefined : { boundary, part, sections };
    return part === 'Z' && sections.size > 0 ? [toRecord(entryFromSections(sections), place)] : [];
  }

  return {
    read(chunk) {
      pending += chunk;
      const lines = pending.split('\n');
      pending = lines.pop()!;
      const records = lines.flatMap(readLine);
      if (pending.length > maxEntry) {
        pending = '';
        records.push(unreadable(new Error(`a line is over ${maxEntry} characters`)));
      }
      return records;
    },
    end() {
      const rest = pending;
      pending = '';
      open = undefined;
      return rest === '' ? [] : readLine(rest);
    },
  };
}

/** Rules that only add up what others found (Core Rule Set 949, 959, 980). */
const isBookkeeping = (id: string) => /^9(?:49|59|80)\d{3}$/.test(id);
const isBlockingEvaluation = (id: string) => /^9(?:49|59)\d{3}$/.test(id);
const isCoreRuleSet = (id: string) => /^9\d{5}$/.test(id);

function toRecord(entry: AuditEntry, place: FlowLogPlace): FlowRecord {
  const matched = entry.messages.filter((message) => message.id !== undefined && !isBookkeeping(message.id));
  const ruleIds = [...new Set(matched.map((message) => message.id!))];
  const deciding = decidingRule(entry);
  const verdict = verdictOf(entry, deciding);
  const [method, path] = entry.requestLine.split(' ');
  const score = entry.messages.map((message) => /Total (?:Inbound |Outbound )?Score: (\d+)/.exec(message.message ?? '')?.[1]).find(Boolean);
  const body: WafBody = {
    type: 'waf',
    engine: entry.engine,
    ...(method ? { method } : {}),
    ...(path ? { path } : {}),
    ...(entry.host === undefined ? {} : { host: entry.host }),
    ...(entry.status === undefined ? {} : { status: entry.status }),
    ruleIds,
    messages: matched.map((message) => message.message ?? message.text),
    tags: [...new Set(matched.flatMap((message) => message.tags))],
    ...(score === undefined ? {} : { anomalyScore: Number(score) }),
    transactionId: entry.id,
  };
  return {
    time: entry.time.toISOString(),
    reporter: place.reporter,
    verdict,
    reason: reasonOf(entry, verdict, ruleIds),
    ...(deciding === undefined ? {} : { policy: { kind: 'WafRule', name: entry.ruleSet, direction: 'ingress', rule: deciding } }),
    direction: 'ingress',
    source: { ip: entry.remote.ip, port: entry.remote.port },
    destination: { ip: entry.local.ip, ...place.endpoint, port: entry.local.port },
    body,
  };
}

/** The rule that denied, or in DetectionOnly would have: the anomaly threshold's, or one from outside the Core Rule Set. */
function decidingRule(entry: AuditEntry): string | undefined {
  const denied = entry.messages.find((message) => message.text.startsWith('Access denied'));
  if (denied !== undefined) return denied.id;
  if (!entry.isDetectionOnly) return undefined;
  return entry.messages.find((message) => message.id !== undefined && (isBlockingEvaluation(message.id) || !isCoreRuleSet(message.id)))?.id;
}

function verdictOf(entry: AuditEntry, deciding: string | undefined): Verdict {
  if (entry.isIntercepted) return verdicts.dropped;
  return entry.isDetectionOnly && deciding !== undefined ? verdicts.audit : verdicts.forwarded;
}

function reasonOf(entry: AuditEntry, verdict: Verdict, ruleIds: readonly string[]): string {
  if (ruleIds.length === 0) return entry.isIntercepted ? 'blocked by the WAF' : `no rule matched; answered ${entry.status ?? 'nothing'}`;
  const rules = `rule${ruleIds.length === 1 ? '' : 's'} ${ruleIds.join(', ')}`;
  if (verdict === verdicts.dropped) return `blocked by ${rules}`;
  return verdict === verdicts.audit ? `would be blocked by ${rules} (DetectionOnly)` : `matched ${rules}, below the threshold`;
}
