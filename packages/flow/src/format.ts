import { describeBody } from './format-body.ts';
import type { Endpoint, FlowRecord, PolicyRef } from './record.ts';

/** `default/auth-x:43210`, an address with its DNS name, or the reserved name. */
export function formatEndpoint(endpoint: Endpoint): string {
  const port = endpoint.port === undefined ? '' : `:${endpoint.port}`;
  const address = endpoint.ip === undefined ? '' : endpoint.ip.includes(':') && port !== '' ? `[${endpoint.ip}]` : endpoint.ip;
  if (endpoint.pod !== undefined) return `${endpoint.namespace ?? 'default'}/${endpoint.pod}${port}`;
  const name = endpoint.names?.[0] ?? endpoint.reserved ?? endpoint.identity;
  if (address === '') return `${name ?? 'unknown'}${port}`;
  return name === undefined ? `${address}${port}` : `${address}${port} (${name})`;
}

/** `NetworkPolicy default/db-ingress`. */
export function formatPolicy(policy: PolicyRef): string {
  const name = policy.namespace === undefined ? policy.name : `${policy.namespace}/${policy.name}`;
  return policy.rule === undefined ? `${policy.kind} ${name}` : `${policy.kind} ${name} rule ${policy.rule}`;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

/** `Nov 22 03:18:25.123` (UTC), the time as it stands when it is not RFC 3339. */
function formatTime(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return time;
  const day = String(date.getUTCDate()).padStart(2, ' ');
  return `${MONTHS[date.getUTCMonth()]} ${day} ${date.toISOString().slice(11, 23)}`;
}

/** Text for a terminal, one line; what came from the wire cannot start a line or an escape sequence of its own. */
function oneLine(text: string): string {
  return text.replaceAll(
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

/** One record as one line, after `hubble observe`. */
export function formatFlow(flow: FlowRecord): string {
  const arrow = flow.verdict === 'DROPPED' ? '<>' : '->';
  const policy = flow.policy ? ` [${formatPolicy(flow.policy)}]` : '';
  const direction = flow.direction === undefined ? '' : `${flow.direction} `;
  const what = `${direction}${flow.verdict} (${describeBody(flow.body)}) — ${flow.reason}${policy}`;
  return oneLine(`${formatTime(flow.time)}: ${formatEndpoint(flow.source)} ${arrow} ${formatEndpoint(flow.destination)} ${what}`);
}

/** One record as one line of JSON, with its newline. */
export function flowToJsonLine(flow: FlowRecord): string {
  return `${JSON.stringify(flow)}\n`;
}
