/** One transaction of ModSecurity 2.9's audit log, in either of its formats (Reference Manual, "SecAuditLogFormat", "SecAuditLogParts"). */
import { isIP } from 'node:net';

export interface AuditEntry {
  readonly time: Date;
  readonly id: string;
  readonly remote: { readonly ip: string; readonly port: number };
  readonly local: { readonly ip: string; readonly port: number };
  readonly requestLine: string;
  readonly host: string | undefined;
  readonly status: number | undefined;
  readonly messages: readonly AuditMessage[];
  readonly isIntercepted: boolean;
  readonly isDetectionOnly: boolean;
  /** Who wrote the entry. */
  readonly engine: 'ModSecurity' | 'Palisade';
  /** `OWASP_CRS/3.3.4`, or the engine when no rule set signed. */
  readonly ruleSet: string;
}

export interface AuditMessage {
  /** Without the details in brackets. */
  readonly text: string;
  readonly id: string | undefined;
  readonly message: string | undefined;
  readonly tags: readonly string[];
}

const detail = / \[(\w+) "((?:[^"\\]|\\.)*)"\]/g;

/** ModSecurity escapes quotes inside a detail, so an attacker's text cannot pose as one. */
export function parseMessage(line: string): AuditMessage {
  const details = [...line.matchAll(detail)];
  const first = (name: string) => details.find((match) => match[1] === name)?.[2];
  return {
    text: line.slice(0, details[0]?.index ?? line.length),
    id: first('id'),
    message: first('msg'),
    tags: details.filter((match) => match[1] === 'tag').map((match) => match[2]!),
  };
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `22/Nov/2026:04:03:44.786059 +0000` */
export function parseAuditTime(text: string): Date {
  const match = /^(\d\d)\/(\w{3})\/(\d{4}):(\d\d:\d\d:\d\d)(\.\d{1,6})? ([+-]\d\d)(\d\d)$/.exec(text);
  const month = months.indexOf(match?.[2] ?? '') + 1;
  const date = new Date(
    match === null
      ? Number.NaN
      : `${match[3]}-${String(month).padStart(2, '0')}-${match[1]}T${match[4]}${(match[5] ?? '').slice(0, 4)}${match[6]}:${match[7]}`,
  );
  if (Number.isNaN(date.getTime())) throw new Error(`"${text.slice(0, 40)}" is no audit log time`);
  return date;
}

// biome-ignore lint/suspicious/noExplicitAny: a line of somebody else's JSON; each use is converted
export function entryFromJson(json: any): AuditEntry {
  const { transaction, request, response, audit_data: audit } = json;
  const headers = Object.entries(request?.headers ?? {});
  return {
    time: parseAuditTime(String(transaction.time)),
    id: String(transaction.transaction_id),
    remote: endpointOf(transaction.remote_address, transaction.remote_port),
    local: endpointOf(transaction.local_address, transaction.local_port),
    requestLine: String(request?.request_line ?? ''),
    host: headers.filter(([name]) => name.toLowerCase() === 'host').map(([, value]) => String(value))[0],
    status: statusOf(response?.status, audit?.messages ?? []),
    messages: (audit?.messages ?? []).map((line: unknown) => parseMessage(String(line))),
    isIntercepted: audit?.action?.intercepted === true,
    isDetectionOnly: audit?.engine_mode === 'DETECTION_ONLY',
    ...producedBy((audit?.producer ?? []).map(String)),
  };
}

function endpointOf(ip: unknown, port: unknown) {
  const number = Number(port);
  if (typeof ip !== 'string' || isIP(ip) === 0) throw new Error(`"${ip}" is no address`);
  if (!Number.isInteger(number) || number < 0 || number > 65_535) throw new Error(`"${port}" is no port`);
  return { ip, port: number };
}

/** @param sections text of each part by its letter */
export function entryFromSections(sections: ReadonlyMap<string, string>): AuditEntry {
  const head = /^\[([^\]]+)\] (\S+) (\S+) (\d+) (\S+) (\d+)/.exec(sections.get('A') ?? '');
  if (head === null) throw new Error('part A is no audit log header');
  const trailer = (sections.get('H') ?? '').split('\n');
  const field = (name: string) => trailer.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2));
  const request = sections.get('B') ?? '';
  return {
    time: parseAuditTime(head[1]!),
    id: head[2]!,
    remote: endpointOf(head[3], head[4]),
    local: endpointOf(head[5], head[6]),
    requestLine: /^.*/.exec(request)![0].trimEnd(),
    host: /^host:[ \t]*(.*?)\s*$/im.exec(request)?.[1],
    status: statusOf(/^HTTP\/\S+ (\d{3})/.exec(sections.get('F') ?? '')?.[1], field('Message')),
    messages: field('Message').map(parseMessage),
    isIntercepted: field('Action').some((action) => action.startsWith('Intercepted')),
    isDetectionOnly: field('Engine-Mode').some((mode) => mode.includes('DETECTION_ONLY')),
    ...producedBy(field('Producer').flatMap((line) => line.replace(/\.$/, '').split('; '))),
  };
}

function statusOf(logged: unknown, messages: readonly unknown[]): number | undefined {
  const denied = messages.map((line) => /^Access denied with code (\d{3})/.exec(String(line))?.[1]).find((code) => code !== undefined);
  const status = Number(denied ?? logged);
  return Number.isInteger(status) && status >= 100 && status <= 599 ? status : undefined;
}

/** The engine's own name is among those of its rule sets. */
function producedBy(producers: readonly string[]): Pick<AuditEntry, 'engine' | 'ruleSet'> {
  const engine = producers.includes('Palisade WAF') ? 'Palisade' : 'ModSecurity';
  return { engine, ruleSet: producers.find((name) => !name.startsWith(engine)) ?? engine };
}
