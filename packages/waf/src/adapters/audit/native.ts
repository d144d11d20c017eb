import type { AuditEntry } from './entry.ts';
import { oneLine, producer, renderTime } from './entry.ts';

/** One entry of the native audit log, with its line end: the parts that SecAuditLogParts asks for, A and Z always. */
export function renderAuditNative(entry: AuditEntry): string {
  const boundary = entry.id.replace(/[^\w@-]/g, '').slice(0, 64) || 'entry';
  const letters = ['A', ...[...new Set(entry.parts)].filter((letter) => letter in parts).sort(), 'Z'];
  return `${letters.map((letter) => `--${boundary}-${letter}--\n${(parts[letter]?.(entry) ?? renderEnds(letter, entry)).join('\n')}`).join('\n')}\n`;
}

function renderEnds(letter: string, { timeMs, id, connection }: AuditEntry): string[] {
  if (letter === 'Z') return [''];
  const { clientAddress, clientPort, serverAddress, serverPort } = connection;
  return [`[${renderTime(timeMs)}] ${id} ${clientAddress} ${clientPort} ${serverAddress} ${serverPort}`];
}

const lines = (headers: AuditEntry['requestHeaders']) => headers.map(([name, value]) => `${oneLine(name)}: ${oneLine(value)}`);

/** A body that looks like a boundary of the log must not end its part. */
const body = (text: string): string[] => (text === '' ? [''] : [text.replace(/^--(?=\S+-[A-Z]--$)/gm, '\\x2d-'), '']);

const parts: Readonly<Record<string, (entry: AuditEntry) => string[]>> = {
  B: ({ requestLine, requestHeaders }) => [oneLine(requestLine), ...lines(requestHeaders), ''],
  C: ({ requestBody }) => body(requestBody),
  E: ({ responseBody }) => body(responseBody),
  F: ({ responseProtocol, status, responseHeaders }) => [`${responseProtocol} ${status}`, ...lines(responseHeaders), ''],
  H: ({ messages, result, components, sensorId, isDetectionOnly }) => [
    ...messages.map((message) => `Message: ${message}`),
    ...(result.interruption ? [`Action: Intercepted (phase ${result.interruption.phase})`] : []),
    `Producer: ${[...components, producer].join('; ')}.`,
    ...(sensorId === '' ? [] : [`Sensor-Id: "${oneLine(sensorId)}"`]),
    `Engine-Mode: "${isDetectionOnly ? 'DETECTION_ONLY' : 'ENABLED'}"`,
    '',
  ],
  I: ({ formBody }) => body(formBody),
  J: ({ files }) => [
    ...files.map(({ name, filename, size }, index) => `${index + 1},${size},"${oneLine(name)}","${oneLine(filename)}"`),
    `Total,${files.reduce((sum, { size }) => sum + size, 0)}`,
    '',
  ],
  K: ({ rules }) => [...rules.flatMap(({ chain }) => chain.map((text, index) => `${'    '.repeat(index)}${text}`)), ''],
};
