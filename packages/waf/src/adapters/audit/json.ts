import type { AuditEntry } from './entry.ts';
import { producer, renderTime } from './entry.ts';

/** One entry of the JSON audit log (ModSecurity 2.9, "SecAuditLogFormat JSON"), without a line end. */
export function renderAuditJson(entry: AuditEntry): string {
  const { connection, parts, files, rules, messages, components, sensorId, isDetectionOnly } = entry;
  const { interruption } = entry.result;
  const has = (letter: string): boolean => parts.includes(letter);
  return JSON.stringify({
    transaction: {
      time: renderTime(entry.timeMs),
      transaction_id: entry.id,
      remote_address: connection.clientAddress,
      remote_port: connection.clientPort,
      local_address: connection.serverAddress,
      local_port: connection.serverPort,
    },
    request: {
      ...(has('B') && { request_line: entry.requestLine, headers: renderHeaders(entry.requestHeaders) }),
      ...(has('C') && entry.requestBody !== '' && { body: [entry.requestBody] }),
      ...(has('I') && !has('C') && entry.formBody !== '' && { fake_body: entry.formBody }),
    },
    ...(has('J') &&
      files.length > 0 && {
        uploads: {
          info: files.map(({ name, filename, size }) => ({ file_size: size, file_name: filename, content_name: name })),
          total: files.reduce((sum, { size }) => sum + size, 0),
        },
      }),
    response: {
      ...(has('F') && { protocol: entry.responseProtocol, status: entry.status, headers: renderHeaders(entry.responseHeaders) }),
      ...(has('E') && entry.responseBody !== '' && { body: entry.responseBody }),
    },
    ...(has('H') && {
      audit_data: {
        messages,
        ...(interruption && { action: { intercepted: true, phase: interruption.phase, message: entry.reason } }),
        producer: [...components, producer],
        ...(sensorId !== '' && { sensor_id: sensorId }),
        engine_mode: isDetectionOnly ? 'DETECTION_ONLY' : 'ENABLED',
      },
    }),
    ...(has('K') && {
      matched_rules: rules.map(({ id, file, line, chain }) => ({
        chain: chain.length > 1,
        rules: chain.map((text) => ({
          actionset: { id: String(id) },
          config: { filename: file, line_num: line },
          unparsed: text,
          is_matched: true,
        })),
        full_chain_match: true,
      })),
    }),
  });
}

function renderHeaders(headers: AuditEntry['requestHeaders']): Record<string, string> {
  const all: Record<string, string> = Object.create(null);
  for (const [name, value] of headers) all[name] = name in all ? `${all[name]}, ${value}` : value;
  return all;
}
