/** StatsD counters over UDP, each under two prefixes. Loss is silent, as UDP is: statistics never stop the traffic. */
import { createSocket } from 'node:dgram';

/** `Directory Traversal` → `directory_traversal`. */
export function counterName(name: string): string {
  return name.toLowerCase().replaceAll(' ', '_');
}

/** One datagram a counter, as the usual clients send them. */
export function renderCounters(prefixes: readonly string[], counts: Readonly<Record<string, number | undefined>>): string[] {
  return Object.entries(counts).flatMap(([name, value]) =>
    value === undefined ? [] : prefixes.map((prefix) => `${prefix}.${counterName(name)}:${value}|c`),
  );
}

export function createStatsdSender(host: string, port: number, prefixes: readonly string[]) {
  const socket = createSocket('udp4');
  socket.on('error', () => {});
  socket.unref();
  return (counts: Readonly<Record<string, number | undefined>>) => {
    for (const line of renderCounters(prefixes, counts)) socket.send(line, port, host, () => {});
  };
}
